"""Settings of the users subgraph, from `USERS_SECTION_FIELD`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import (
    DatabaseSettings,
    Duration,
    JwtSettings,
    Section,
    ServerSettings,
    ServiceSettings,
)


class UsersJwtSettings(JwtSettings):
    """What the issuer of the tokens needs beside what everyone needs to verify them."""

    keys_dir: Path = Field(
        Path(".supergraph/keys/jwt"),
        description="Folder of Ed25519 private keys as PEM, file name = kid; gets a first key when empty.",
    )
    expires_in: Duration = Field(timedelta(minutes=15), description="Life of an access token.")
    refresh_in: Duration = Field(timedelta(hours=168), description="Life of a session that is not refreshed.")
    refresh_grace: Duration = Field(
        timedelta(seconds=10),
        description="For how long a refresh token that was just used gives the same successor again.",
    )


class PasswordSettings(Section):
    """argon2id (RFC 9106); the defaults are the OWASP Password Storage Cheat Sheet's second choice.

    RFC 9106's own recommendation for servers short of memory is `memory_kib 65536`, `iterations 3`,
    `parallelism 4`, at about six times the time. Hashes made with other parameters keep working and are
    made anew at the next login.
    """

    memory_kib: int = Field(19456, ge=8192, le=4194304)
    iterations: int = Field(2, ge=1, le=100)
    parallelism: int = Field(1, ge=1, le=64)
    threads: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="Hashes computed at once; each holds `memory_kib`.",
    )
    queue: int = Field(
        256, ge=1, description="Hashes that may wait for a thread; more are turned away at once."
    )


class UsersSettings(ServiceSettings):
    prefix: ClassVar[str] = "USERS"
    default_database: ClassVar[str] = "postgresql:users"

    model_config = SettingsConfigDict(env_prefix="USERS_")

    server: ServerSettings = ServerSettings(port=4001)
    database: DatabaseSettings = DatabaseSettings(url="postgresql://127.0.0.1:5432/users")
    jwt: UsersJwtSettings = UsersJwtSettings()
    passwords: PasswordSettings = PasswordSettings()
    first_account_admin: bool = Field(
        default=False, description="Make the first registered account an administrator."
    )
