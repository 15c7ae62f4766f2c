"""Typed settings from the environment and an optional YAML file.

One service reads `PREFIX_SECTION_FIELD` (`ORDERS_DATABASE_URL`), then the bare documented names
(`DB_HOST`, `REDIS_HOST`, `EVENTS_URL`, `JWT_SECRET`, `JAEGER_URL`, `USER_SERVICE_URL` …), then the file named by
`PREFIX_CONFIG`, then the defaults. Each name with `_FILE` behind it names a file that holds the value
(`DB_PASSWORD_FILE`, `ORDERS_SERVICES_TOKEN_FILE`). An unknown key is refused with a suggestion: a setting
that is silently ignored is worse than a process that does not start.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote

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
from subgraphs.kit.secret_files import SUFFIX, faults_of_files, values_of_files

_ROUTER_SECRETS = ("ROUTER_SECRET", "ROUTER_SECRET_PREVIOUS")
_SECRET_NAMES = ("DB_PASSWORD", "REDIS_PASSWORD", "EVENTS_URL", "JWT_SECRET", *_ROUTER_SECRETS)
"""The documented bare names whose value may stand in a file."""

ENVIRONMENTS = ("development", "production")

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
        if faults := [*_unknown_keys(cls), *faults_of_files([*names_of(cls), *_SECRET_NAMES], os.environ)]:
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
        sources += [_Files(settings_cls), _DocumentedNames(settings_cls)]
        path = os.environ.get(f"{cls.prefix}_CONFIG")
        if path:
            sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
        return tuple(sources)


class _Files(PydanticBaseSettingsSource):
    """The service's own names whose values stand in files."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError(f"{field_name}: this source answers as a whole ({field})")

    def __call__(self) -> dict[str, Any]:
        names = names_of(self.settings_cls)
        found: dict[str, Any] = {}
        for name, value in values_of_files(names, os.environ).items():
            section, field = names[name]
            if field is None:
                found[section] = value
            else:
                found.setdefault(section, {})[field] = value
        return found


class _DocumentedNames(PydanticBaseSettingsSource):
    """The bare names of the documentation, shared by all services."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError(f"{field_name}: this source answers as a whole ({field})")

    def __call__(self) -> dict[str, Any]:
        env = {**os.environ, **values_of_files(_SECRET_NAMES, os.environ)}
        found: dict[str, dict[str, Any]] = {}
        if url := _database_url(self.settings_cls.default_database, env):  # type: ignore[attr-defined]
            found["database"] = {"url": url}
        if "REDIS_HOST" in env or "REDIS_PORT" in env:
            found["redis"] = {"url": _redis_url(env)}
        if events := env.get("EVENTS_URL"):
            found["events"] = {"url": events}
        tracing = {"url": "JAEGER_URL", "sample_ratio": "TRACING_SAMPLE_RATIO"}
        if given := {field: env[name] for field, name in tracing.items() if env.get(name)}:
            found["tracing"] = given
        if (secret := env.get("JWT_SECRET")) and "secret" in _fields(self.settings_cls, "jwt"):
            found["jwt"] = {"secret": secret}
        secrets = {name.lower(): env[name] for name in _ROUTER_SECRETS if env.get(name)}
        if secrets:
            found["server"] = secrets
        names = {
            "users": "USER_SERVICE_URL",
            "products": "PRODUCT_SERVICE_URL",
            "orders": "ORDER_SERVICE_URL",
        }
        services = {field: env[name] for field, name in names.items() if name in env}
        if services:
            found["services"] = services
        return found


def _database_url(default_database: str, env: Mapping[str, str]) -> str | None:
    if "DB_HOST" not in env or not default_database:
        return None
    scheme, _, database = default_database.partition(":")
    user, password = quote(env.get("DB_USER", ""), safe=""), quote(env.get("DB_PASSWORD", ""), safe="")
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    port = env.get("DB_PORT")
    address = f"{env['DB_HOST']}:{port}" if port else env["DB_HOST"]
    options = f"?{env['DB_OPTIONS']}" if env.get("DB_OPTIONS") else ""
    return f"{scheme}://{credentials}{address}/{env.get('DB_NAME', database)}{options}"


def _redis_url(env: Mapping[str, str]) -> str:
    """With TLS where REDIS_TLS_CA names the authority that signs its certificate."""
    password, authority = quote(env.get("REDIS_PASSWORD", ""), safe=""), env.get("REDIS_TLS_CA")
    credentials = f":{password}@" if password else ""
    address = f"{env.get('REDIS_HOST', '127.0.0.1')}:{env.get('REDIS_PORT', '6379')}"
    if authority:
        return f"rediss://{credentials}{address}/0?ssl_ca_certs={quote(authority, safe='/')}"
    return f"redis://{credentials}{address}/0"


def _fields(settings_cls: type[BaseSettings], section: str) -> list[str]:
    annotation = settings_cls.model_fields[section].annotation
    return (
        list(annotation.model_fields)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
        else []
    )


def documented_values(settings_cls: type[ServiceSettings]) -> dict[str, Any]:
    """By section and field, what the documented bare names set."""
    return _DocumentedNames(settings_cls)()


def names_of(settings_cls: Any) -> dict[str, tuple[str, str | None]]:
    """By name in the environment, the section and the field of each setting; no field where the section is a value."""
    names: dict[str, tuple[str, str | None]] = {}
    for section in settings_cls.model_fields:
        fields: Sequence[str | None] = _fields(settings_cls, section) or [None]
        for field in fields:
            words = [settings_cls.prefix, section, *([field] if field else [])]
            names["_".join(words).upper()] = (section, field)
    return names


def in_production() -> bool:
    """Whether ENVIRONMENT says so."""
    return os.environ.get("ENVIRONMENT") == "production"


def _unknown_keys(settings_cls: type[ServiceSettings]) -> list[str]:
    prefix = f"{settings_cls.prefix}_"
    names = names_of(settings_cls)
    known = {f"{prefix}CONFIG", *names}
    faults = []
    if (environment := os.environ.get("ENVIRONMENT")) and environment not in ENVIRONMENTS:
        faults.append(f"ENVIRONMENT: {environment!r} is none of {', '.join(ENVIRONMENTS)}")
    for key in sorted(os.environ):
        if key.startswith(prefix) and key not in known and key.removesuffix(SUFFIX) not in names:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "it is not a setting of this service"
            faults.append(f"{key}: unknown setting; {hint}")
    return faults
