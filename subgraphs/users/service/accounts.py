"""Opening an account."""

from collections.abc import Callable
from dataclasses import dataclass, field

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.password_policy import PasswordPolicy
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.permissions import Role
from subgraphs.users.domain.session import Authentication
from subgraphs.users.domain.user import (
    NewUser,
    checked_address,
    checked_email,
    checked_name,
    checked_phone,
    checked_username,
)
from subgraphs.users.metrics import REGISTRATIONS
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.store import ActivityStore, UserStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What someone filled in."""

    username: str
    email: str
    password: str = field(repr=False)
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    address: str | None = None

    def checked(self) -> NewUser:
        """Raises ValidationFailed, naming the first field that does not fit; the password is not looked at."""
        return NewUser(
            username=checked_username(self.username),
            email=checked_email(self.email),
            first_name=checked_name(self.first_name, field="firstName"),
            last_name=checked_name(self.last_name, field="lastName"),
            phone=checked_phone(self.phone),
            address=checked_address(self.address),
        )


class Accounts:
    """`wake_relay` says that an event was committed."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        passwords: Passwords,
        policy: PasswordPolicy,
        authenticator: Authenticator,
        rate_limits: RateLimits,
        first_account_admin: bool,
        wake_relay: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._policy = policy
        self._authenticator = authenticator
        self._rate_limits = rate_limits
        self._first_account_admin = first_account_admin
        self._wake_relay = wake_relay

    async def register(self, registration: Registration, *, device: Device) -> Authentication:
        """Open an account and its first session.

        Raises ValidationFailed, Taken, or RateLimited when someone, or too many at once, try too often.
        """
        new = registration.checked()
        self._policy.check(registration.password, username=new.username, email=new.email)
        await self._rate_limits.registration(new.email, device=device)
        # Before the transaction: no connection waits while a thread computes.
        password_hash = await self._passwords.hash(registration.password)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            first = self._first_account_admin and await store.claim_first()
            user = await store.add(new, role=Role.ADMIN if first else Role.USER, password_hash=password_hash)
            session, token = await self._authenticator.open_session(connection, user, device=device)
            entry = ActivityEntry(
                kind=ActivityKind.REGISTERED, user_id=user.id, actor_id=user.id, device=device
            )
            await ActivityStore(connection).add(entry)
        self._wake_relay()
        REGISTRATIONS.inc()
        return await self._authenticator.authentication(user, session, token)
