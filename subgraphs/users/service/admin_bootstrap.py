"""Opening an administrator's account, from the command line of the service."""

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.password_policy import PasswordPolicy
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.permissions import Role
from subgraphs.users.domain.user import User
from subgraphs.users.service.accounts import Registration
from subgraphs.users.store import ActivityStore, UserStore


class AdminBootstrap:
    """How a system gets its first administrator where the first registered account is not made one."""

    def __init__(self, *, postgres: Postgres, passwords: Passwords, policy: PasswordPolicy) -> None:
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
            entry = ActivityEntry(
                kind=ActivityKind.REGISTERED, user_id=user.id, device=device, detail=f"as {Role.ADMIN}"
            )
            await ActivityStore(connection).add(entry)
        return user
