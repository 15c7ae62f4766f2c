"""Typed settings from the environment and an optional YAML file.

One service reads `PREFIX_SECTION_FIELD` (`ORDERS_DATABASE_URL`), then the bare documented names
(`DB_HOST`, `REDIS_HOST`, `EVENTS_URL`, `JWT_SECRET`, `JAEGER_URL`, `USER_SERVICE_URL` …), then the file named by
`PREFIX_CONFIG`, then the defaults. Each name with `_FILE` behind it names a file that holds the value
(`DB_PASSWORD_FILE`, `ORDERS_SERVICES_TOKEN_FILE`). An unknown key is refused with a suggestion: a setting
that is silently ignored is worse than a process that does not start.
"""

import os
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from subgraphs.kit.auth.secret_strength import LEAST_BYTES, weakness
from subgraphs.kit.secret_files import SUFFIX, faults_of_files
from subgraphs.kit.settings_sources import (
    SECRET_NAMES,
    DocumentedNamesSource,
    FilesSource,
    names_of,
    unknown_keys,
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class SettingsError(Exception):
    """The configuration cannot be used; the message lists every fault, one a line."""


def parse_duration(value: object) -> object:
    """`"168h"`, `"1m30s"`, `"250ms"` or plain seconds, as a timedelta."""
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    if isinstance(value, str):
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return timedelta(seconds=float(value))
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value)
        if parts and "".join(n + u for n, u in parts) == value:
            return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))
        raise ValueError(f"{value!r} is not a duration; write it like 15s, 10m or 168h")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Section(BaseModel):
    """One section of the configuration; refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _strong_token(value: SecretStr, harm: str) -> SecretStr:
    token = value.get_secret_value()
    if token and (fault := weakness(token)):
        raise ValueError(
            f"the token {fault}; who guesses it {harm}. Set one of {LEAST_BYTES} random bytes or more, as from "
            "`openssl rand -base64 48`"
        )
    return value


class ServerSettings(Section):
    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int | None = Field(
        None, description="Port of the gRPC server; none where the service has none."
    )
    grpc_reflection: bool = Field(
        default=False, description="Tell anybody who asks which gRPC methods there are; for development."
    )
    read_timeout: Duration = Field(
        timedelta(seconds=15), gt=timedelta(0), description="To receive the body of a request."
    )
    write_timeout: Duration = Field(
        timedelta(seconds=15),
        gt=timedelta(0),
        description="From there to the beginning of the answer, and for the client to take each part of it.",
    )
    idle_timeout: Duration = Field(
        timedelta(seconds=60), description="For how long a connection is kept between requests."
    )
    slow_request: Duration = Field(
        timedelta(seconds=1),
        ge=timedelta(0),
        description="Log a request that takes as long, or that fails; 0s logs every one. The edge logs each anyway.",
    )
    max_body_bytes: int = 1024 * 1024
    introspection: bool = Field(
        default=True,
        description="Answer introspection, and suggest names for misspelt ones; composition needs neither.",
    )
    max_query_bytes: int = Field(20_000, ge=100, description="Of the text of one GraphQL document.")
    max_cost: int = Field(
        40_000, ge=1, description="Objects that one operation may resolve, by its page sizes."
    )
    operation_timeout: Duration = Field(
        timedelta(seconds=10), gt=timedelta(0), description="To run one query or mutation."
    )
    max_subscriptions: int = Field(50, ge=1, description="Subscriptions that one WebSocket may have at once.")
    router_secret: SecretStr = Field(
        SecretStr(""),
        description="What the router shows with each request; GraphQL is answered to nobody else. As strong as "
        "`services.token`, and its bare name, ROUTER_SECRET, is the router's own as well.",
    )
    router_secret_previous: SecretStr = Field(
        SecretStr(""), description="Accepted too, until every router shows the new one."
    )

    @field_validator("router_secret", "router_secret_previous")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        return _strong_token(value, "may ask every subgraph for anything")


class DatabaseSettings(Section):
    url: str = ""
    pool_size: int = Field(8, ge=2, description="One of them is the outbox relay's.")
    timeout: Duration = Field(timedelta(seconds=5), description="To connect, and for one statement.")
    plaintext: bool = Field(
        default=False, description="Reach it without TLS on another machine in production, too."
    )


class RedisSettings(Section):
    url: str = "redis://127.0.0.1:6379/0"
    timeout: Duration = timedelta(seconds=2)
    plaintext: bool = Field(
        default=False, description="Reach it without TLS on another machine in production, too."
    )


class EventsSettings(Section):
    url: str = Field(
        "",
        pattern=r"^((redis|rediss|amqp|amqps)://.+)?$",
        description="What carries events between the services, the same for all: `redis://…` (Redis Streams) or "
        "`amqp://…` (RabbitMQ); by default the service's Redis.",
    )
    plaintext: bool = Field(
        default=False, description="Reach it without TLS on another machine in production, too."
    )


class JwtSettings(Section):
    issuer: str = "supergraph"
    audience: str = "supergraph"
    jwks_url: str = Field(
        "", description="Where the signing keys are published; by default at the users service."
    )
    leeway: Duration = timedelta(seconds=5)
    secret: SecretStr = Field(
        SecretStr(""),
        description="Sign and verify with this shared secret (HS256) instead of the published keys (EdDSA). For "
        "systems that cannot do otherwise: whoever can verify with it can sign with it. The same for all services.",
    )

    @field_validator("secret")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if secret and (fault := weakness(secret)):
            raise ValueError(
                f"the secret {fault}; a token signed with it could be forged. Set one of {LEAST_BYTES} random bytes or "
                "more, as from `openssl rand -base64 48`, or unset JWT_SECRET to sign with keys (EdDSA)"
            )
        return value


class TracingSettings(Section):
    url: str = Field("", description="OTLP/HTTP endpoint; empty turns tracing off.")
    sample_ratio: float = Field(
        1.0,
        ge=0.0,
        le=1.0,
        description="Of the traces that begin here; one that came is recorded as its caller's is.",
    )

    @property
    def endpoint(self) -> str:
        """`url` with the path for traces, where it names none."""
        return self.url if self.url.endswith("/v1/traces") else f"{self.url.rstrip('/')}/v1/traces"


class LoggingSettings(Section):
    level: str = "info"
    format: str = Field("json", pattern="^(json|console)$")


class ServicesSettings(Section):
    """Addresses of the other services. HTTP ones are URLs, gRPC ones `host:port`."""

    users: str = "http://127.0.0.1:4001"
    products: str = "http://127.0.0.1:4002"
    orders: str = "http://127.0.0.1:4003"
    users_grpc: str = "127.0.0.1:5001"
    products_grpc: str = "127.0.0.1:5002"
    router: str = "http://127.0.0.1:4000"
    token: SecretStr = Field(
        SecretStr(""), description="Shared secret of calls between services; as strong as `jwt.secret`."
    )
    tls_ca: Path | None = Field(
        None,
        description="PEM of the authority that signs the services' certificates; turns TLS on for gRPC calls.",
    )
    tls_cert: Path | None = Field(None, description="PEM of this service's certificate.")
    tls_key: Path | None = Field(None, description="PEM of its private key.")
    plaintext: bool = Field(
        default=False, description="Allow gRPC without TLS on addresses that other machines reach."
    )

    @field_validator("token")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        return _strong_token(value, "may call every service")

    @model_validator(mode="after")
    def _both_halves(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together; set both or none")
        return self


class ServiceSettings(BaseSettings):
    """Base of a service's settings; a subclass names its prefix and adds its own fields."""

    prefix: ClassVar[str]
    default_database: ClassVar[str] = ""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_nested_delimiter="_", env_nested_max_split=1
    )

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    events: EventsSettings = EventsSettings()
    jwt: JwtSettings = JwtSettings()
    tracing: TracingSettings = TracingSettings()
    logging: LoggingSettings = LoggingSettings()
    services: ServicesSettings = ServicesSettings()

    @classmethod
    def load(cls) -> Self:
        """Read the environment and the file.

        Raises SettingsError, naming every unknown key and every value that does not fit.
        """
        if faults := [*unknown_keys(cls), *faults_of_files([*names_of(cls), *SECRET_NAMES], os.environ)]:
            raise SettingsError("\n".join(faults))
        try:
            return cls()
        except ValidationError as error:
            lines = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SettingsError("\n".join(lines)) from error

    def unsafe(self) -> Iterable[tuple[str, str]]:
        """What of the service's own settings production refuses: `section_field`, and what is wrong."""
        return ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's signature; no dotenv is read
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if isinstance(env_settings, EnvSettingsSource):
            # Else `…_TOKEN_FILE` would be the unknown field `token_file` of its section.
            files = {f"{name}{SUFFIX}".lower() for name in names_of(settings_cls)}
            env_settings.env_vars = {k: v for k, v in env_settings.env_vars.items() if k.lower() not in files}
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings, file_secret_settings]
        sources += [FilesSource(settings_cls), DocumentedNamesSource(settings_cls)]
        path = os.environ.get(f"{cls.prefix}_CONFIG")
        if path:
            sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
        return tuple(sources)
