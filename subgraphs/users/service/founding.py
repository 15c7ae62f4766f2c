"""Opening an account for somebody else, from the command line of the service."""

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.users.domain import ActivityKind, Deed, Device, Role, User
from subgraphs.users.events import user_registered
from subgraphs.users.password_policy import PasswordPolicy
from subgraphs.users.passwords import Passwords
from subgraphs.users.service.accounts import Registration
from subgraphs.users.store import ActivityStore, UserStore, outbox


class Founding:
    """How a system comes by an administrator where the first account is not made one."""

    def __init__(self, postgres: Postgres, passwords: Passwords, policy: PasswordPolicy) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._policy = policy

    async def create_administrator(self, registration: Registration, *, device: Device) -> User:
        """Open an account with the role ADMIN and without a session. Raises ValidationFailed or Taken."""
        new = registration.checked()
        self._policy.check(registration.password, username=new.username, email=new.email)
        password_hash = await self._passwords.hash(registration.password)
        async with self._postgres.unit_of_work() as connection:
            user = await UserStore(connection).add(new, role=Role.ADMIN, password_hash=password_hash)
            deed = Deed(
                kind=ActivityKind.REGISTERED, user_id=user.id, device=device, detail=f"as {Role.ADMIN}"
            )
            await ActivityStore(connection).add(deed)
            await enqueue(connection, outbox, user_registered(user))
        return user
