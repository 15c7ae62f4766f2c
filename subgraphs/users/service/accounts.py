"""Opening an account and changing it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.users.domain import (
    ActivityKind,
    Authentication,
    Deed,
    Device,
    NewUser,
    ProfileChange,
    Role,
    User,
    checked_address,
    checked_change,
    checked_email,
    checked_name,
    checked_phone,
    checked_username,
)
from subgraphs.users.events import user_registered
from subgraphs.users.metrics import REGISTRATIONS
from subgraphs.users.password_policy import PasswordPolicy
from subgraphs.users.passwords import Passwords
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.throttles import Throttles
from subgraphs.users.store import ActivityStore, LetterKind, LetterStore, ResetStore, UserStore, outbox


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
    def __init__(
        self,
        postgres: Postgres,
        passwords: Passwords,
        policy: PasswordPolicy,
        authenticator: Authenticator,
        throttles: Throttles,
        *,
        first_account_admin: bool,
        notify: Callable[[], None],
        notify_mail: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._policy = policy
        self._authenticator = authenticator
        self._throttles = throttles
        self._first_account_admin = first_account_admin
        self._notify = notify
        self._notify_mail = notify_mail

    async def register(self, registration: Registration, *, device: Device) -> Authentication:
        """Open an account and its first session.

        Raises ValidationFailed, Taken, or RateLimited when someone, or too many at once, try too often.
        """
        new = registration.checked()
        self._policy.check(registration.password, username=new.username, email=new.email)
        await self._throttles.registration(new.email, device=device)
        # Before the transaction: no connection waits while a thread computes.
        password_hash = await self._passwords.hash(registration.password)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            first = self._first_account_admin and await store.claim_first()
            user = await store.add(new, role=Role.ADMIN if first else Role.USER, password_hash=password_hash)
            session, token = await self._authenticator.open_session(connection, user, device=device)
            deed = Deed(kind=ActivityKind.REGISTERED, user_id=user.id, actor_id=user.id, device=device)
            await ActivityStore(connection).add(deed)
            await enqueue(connection, outbox, user_registered(user))
        self._notify()
        REGISTRATIONS.inc()
        return await self._authenticator.authentication(user, session, token)

    async def update_profile(self, viewer: Viewer, change: ProfileChange, *, device: Device) -> User:
        """Raises Unauthenticated, ValidationFailed or Taken.

        Of a new e-mail address the old one is told, in case its owner did not wish it.
        """
        user_id = viewer.require_user()
        checked = checked_change(change)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            before = await store.get(user_id)
            user = await store.change(user_id, checked) if checked else before
            if user is None or before is None:
                raise Unauthenticated("This account is gone or disabled; log in with another.")
            changed = [name for name in checked if getattr(user, name) != getattr(before, name)]
            if changed:
                detail = ", ".join(changed)
                deed = Deed(
                    kind=ActivityKind.PROFILE_CHANGED,
                    user_id=user.id,
                    actor_id=user.id,
                    device=device,
                    detail=detail,
                )
                await ActivityStore(connection).add(deed)
            if "email" in changed:
                await ResetStore(connection).end_all(user.id)
                await LetterStore(connection).owe(
                    LetterKind.EMAIL_CHANGED, recipient=before.email, device=device
                )
        self._notify_mail()
        return user
