"""Settings of the users subgraph, from `USERS_SECTION_FIELD`."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.rate_limiting import Limit, Rate
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
    key_lead: Duration = Field(
        timedelta(minutes=10),
        ge=timedelta(seconds=10),
        description="For how long a new key is published before it signs. Verifiers are told to fetch the keys "
        "anew after half of that, at most 5 minutes; the edge does so every 30 s.",
    )
    expires_in: Duration = Field(timedelta(minutes=15), description="Life of an access token.")
    refresh_in: Duration = Field(timedelta(hours=168), description="Life of a session that is not refreshed.")
    refresh_grace: Duration = Field(
        timedelta(seconds=10),
        description="For how long a refresh token that was just used gives the same successor again.",
    )


class PasswordSettings(Section):
    """Which passwords are taken, and how they are kept: as argon2id (RFC 9106); the defaults are the OWASP Password Storage Cheat Sheet's second choice.

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
    refuse_common: bool = Field(
        default=True, description="Refuse passwords of the list of common ones (NIST SP 800-63B, 3.1.1.2)."
    )
    common_file: Path | None = Field(
        None, description="A list in place of ours: one password a line, `#` before a comment."
    )
    reset_life: Duration = Field(
        timedelta(minutes=30), description="For how long the link of a reset works.", gt=timedelta()
    )


class EmailSettings(Section):
    """Where e-mails go: to an SMTP server, into a folder, or to the log. In the environment: `USERS_MAIL_…`."""

    transport: Literal["smtp", "file", "console"] | None = Field(
        None, description="By default `file` where only a folder is set, and `smtp` elsewhere."
    )
    host: str = Field("", description="The SMTP server; this machine by default.")
    port: int = Field(25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = Field(
        "none", description="`starttls` (usually port 587) and `tls` (465) refuse a server that cannot do it."
    )
    user: str = Field("", description="Empty: no authentication.")
    password: SecretStr = SecretStr("")
    timeout: Duration = Field(timedelta(seconds=10), description="For each step of a delivery.")
    folder: Path | None = Field(None, description="Folder of `.eml` files; for development.")
    sender: str = Field("Supergraph <no-reply@localhost>", description="The `From` of every e-mail.")
    reset_url: str = Field(
        "http://localhost:8080/reset-password?token={token}",
        description="Page where a new password is chosen; `{token}` becomes the token.",
        pattern=r"\{token\}",
    )
    confirm_url: str = Field(
        "http://localhost:8080/confirm-email?token={token}",
        description="Page where a new e-mail address is confirmed; `{token}` becomes the token.",
        pattern=r"\{token\}",
    )
    confirm_life: Duration = Field(
        timedelta(hours=1), description="For how long a new e-mail address can be confirmed.", gt=timedelta()
    )
    give_up_after: Duration = Field(
        timedelta(hours=24),
        description="For how long sending an e-mail is tried again; one with a token, for as long as that is good.",
    )

    @property
    def effective_transport(self) -> Literal["smtp", "file", "console"]:
        return self.transport or ("file" if self.folder and not self.host else "smtp")


class RateLimitSettings(Section):
    """How many attempts are allowed at once, and the time in which as many are forgiven, as in `5/24h`; `off` for no limit.

    Each attempt beyond them doubles the wait before the next. Of logins, and wherever the current password is
    asked for, only failures count. A pair is one account and one network: an IPv4 address, or the /64 of an
    IPv6 one. In the environment: `USERS_THROTTLE_…`.
    """

    login_pair: Rate = Limit(5, timedelta(hours=24))
    login_address: Rate = Limit(50, timedelta(minutes=15))
    login_account: Rate = Field(
        Limit(100, timedelta(hours=1)),
        description="Failed logins to one account from networks that it was never used from. While there are more, "
        "each such network has one attempt instead of those of `login_pair`.",
    )
    registration_pair: Rate = Limit(10, timedelta(hours=1))
    registration_address: Rate = Limit(30, timedelta(hours=1))
    reset_pair: Rate = Field(
        Limit(3, timedelta(hours=1)),
        description="Resets asked for; and, apart from them, changes of the e-mail address.",
    )
    reset_address: Rate = Field(
        Limit(20, timedelta(hours=1)), description="The same from one network, and tokens that do not work."
    )
    first_wait: Duration = Field(timedelta(seconds=1), gt=timedelta())
    longest_wait: Duration = Field(timedelta(minutes=15), gt=timedelta())


class RetentionSettings(Section):
    """For how long records are kept after they have served their purpose. The activity log keeps a day at the least."""

    activity: Duration = Field(timedelta(days=365), ge=timedelta(days=1))
    sessions: Duration = Field(timedelta(days=30), ge=timedelta(0), description="Sessions that have ended.")
    every: Duration = Field(
        timedelta(hours=1), gt=timedelta(0), description="How often old records are deleted."
    )


class UsersSettings(ServiceSettings):
    prefix: ClassVar[str] = "USERS"
    default_database: ClassVar[str] = "postgresql:users"

    model_config = SettingsConfigDict(env_prefix="USERS_")

    server: ServerSettings = ServerSettings(port=4001)
    database: DatabaseSettings = DatabaseSettings(url="postgresql://127.0.0.1:5432/users")
    jwt: UsersJwtSettings = UsersJwtSettings()
    passwords: PasswordSettings = PasswordSettings()
    mail: EmailSettings = EmailSettings()
    throttle: RateLimitSettings = RateLimitSettings()
    retention: RetentionSettings = RetentionSettings()
    first_account_admin: bool = Field(
        default=False, description="Make the first registered account an administrator."
    )

    def unsafe(self) -> Iterable[tuple[str, str]]:
        if self.first_account_admin:
            yield "first_account_admin", "whoever registers first would be an administrator; set it to false"
