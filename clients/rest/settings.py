"""Settings of the REST layer: `REST_SECTION_FIELD` in the environment, or the file named by `REST_CONFIG`."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import Duration, Section, ServerSettings, ServiceSettings, ServicesSettings


class RestServices(ServicesSettings):
    subscriptions: str = Field(
        "", description="Where subscriptions are served over SSE, when that is not the router itself."
    )


class RouterClientSettings(Section):
    """How the router is called."""

    timeout: Duration = timedelta(seconds=15)
    connections: int = Field(
        200, ge=1, description="To the router at a time, streams aside; what comes on top waits."
    )


class UploadSettings(Section):
    """Files that are taken."""

    max_bytes: int = Field(
        8 * 1024 * 1024 + 128 * 1024,
        ge=1024,
        description="Of a form with its file; the products service says how large an image may be.",
    )


class StreamSettings(Section):
    """How `/events` streams behave."""

    heartbeat: Duration = Field(
        timedelta(seconds=15), description="A comment is sent after this much silence."
    )
    opening: Duration = Field(
        timedelta(seconds=2),
        description="How long the status line waits for the first event, so that a refusal is a status.",
    )


class Settings(ServiceSettings):
    prefix: ClassVar[str] = "REST"

    model_config = SettingsConfigDict(env_prefix="REST_")

    server: ServerSettings = ServerSettings(port=4010)
    services: RestServices = RestServices()
    gateway: RouterClientSettings = RouterClientSettings()
    stream: StreamSettings = StreamSettings()
    uploads: UploadSettings = UploadSettings()
