"""Where settings come from beside the service's own names: the documented bare names, and files that hold a value."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from subgraphs.kit.secret_files import SUFFIX, values_of_files

_ROUTER_SECRETS = ("ROUTER_SECRET", "ROUTER_SECRET_PREVIOUS")
SECRET_NAMES = ("DB_PASSWORD", "REDIS_PASSWORD", "EVENTS_URL", "JWT_SECRET", *_ROUTER_SECRETS)
"""The documented bare names whose value may stand in a file."""

ENVIRONMENTS = ("development", "production")


class FilesSource(PydanticBaseSettingsSource):
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


class DocumentedNamesSource(PydanticBaseSettingsSource):
    """The bare names of the documentation, shared by all services."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError(f"{field_name}: this source answers as a whole ({field})")

    def __call__(self) -> dict[str, Any]:
        env = {**os.environ, **values_of_files(SECRET_NAMES, os.environ)}
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


def documented_values(settings_cls: Any) -> dict[str, Any]:
    """By section and field, what the documented bare names set."""
    return DocumentedNamesSource(settings_cls)()


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


def unknown_keys(settings_cls: Any) -> list[str]:
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
