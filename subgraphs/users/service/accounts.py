"""Opening an account and changing it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from subgraphs.kit.auth import Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.outbox import enqueue
from subgraphs.kit.postgres import Postgres
from subgraphs.users.domain import (
    Authentication,
    Device,
    NewUser,
    ProfileChange,
    Role,
    User,
    checked_address,
    checked_change,
    checked_email,
    checked_name,
    checked_password,
    checked_phone,
    checked_username,
)
from subgraphs.users.events import user_registered
from subgraphs.users.metrics import REGISTRATIONS
from subgraphs.users.passwords import Passwords
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.store import UserStore, outbox


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
        """Raises ValidationFailed, naming the first field that does not fit."""
        checked_password(self.password)
        return NewUser(
            username=checked_username(self.username),
            email=checked_email(self.email),
            first_name=checked_name(self.first_name, field="firstName"),
            last_name=checked_name(self.last_name, field="lastName"),
            phone=checked_phone(self.phone),
            address=checked_address(self.address),
        )


class Accounts:
    def __init__(
        self,
        postgres: Postgres,
        passwords: Passwords,
        authenticator: Authenticator,
        *,
        first_account_admin: bool,
        notify: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._authenticator = authenticator
        self._first_account_admin = first_account_admin
        self._notify = notify

    async def register(self, registration: Registration, *, device: Device) -> Authentication:
        """Open an account and its first session.

        Raises ValidationFailed, Taken, or RateLimited when too many want to at once.
        """
        new = registration.checked()
        # Before the transaction: no connection waits while a thread computes.
        password_hash = await self._passwords.hash(registration.password)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            first = self._first_account_admin and await store.claim_first()
            user = await store.add(new, role=Role.ADMIN if first else Role.USER, password_hash=password_hash)
            authentication = await self._authenticator.open_session(connection, user, device=device)
            await enqueue(connection, outbox, user_registered(user))
        self._notify()
        REGISTRATIONS.inc()
        return authentication

    async def update_profile(self, viewer: Viewer, change: ProfileChange) -> User:
        """Raises Unauthenticated, ValidationFailed or Taken."""
        user_id = viewer.require_user()
        checked = checked_change(change)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            user = await store.change(user_id, checked) if checked else await store.get(user_id)
        if user is None:
            raise Unauthenticated("This account is gone or disabled; log in with another.")
        return user
