"""Events of accounts; their wire forms stand in `schema/events`."""

from subgraphs.kit.events.event import Event
from subgraphs.users.domain.user import User

SOURCE = "users"


def user_registered(user: User) -> Event:
    return Event(
        type="UserRegistered",
        source=SOURCE,
        key=user.id,
        data={
            "user_id": user.id,
            "username": user.username,
            "email": user.email,
            "role": user.role,
            "created_at": user.created_at,
        },
    )
