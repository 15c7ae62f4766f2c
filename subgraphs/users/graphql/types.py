"""The types that are no entities, and the enums."""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.users.domain import session as domain
from subgraphs.users.domain.activity import ActivityKind
from subgraphs.users.domain.device import device_name
from subgraphs.users.domain.permissions import Permission, Role

strawberry.enum(Role, description="The role of an account, from which its permissions follow.")
strawberry.enum(Permission, description="What an account may do beyond managing itself.")
strawberry.enum(ActivityKind, description="What happened to an account.")


@strawberry.type(description="A live session: one login and the refreshes that followed.")
class Session:
    id: strawberry.ID = strawberry.field(description="For `revokeSession`.")
    device: str = strawberry.field(description='What it was last used with, such as "Firefox on Linux".')
    user_agent: str = strawberry.field(description="The header that `device` is read from.")
    ip: str = strawberry.field(description="The address that it was last refreshed from.")
    created_at: datetime
    last_used_at: datetime = strawberry.field(description="To the minute, or to the last refresh.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is refreshed before.")
    current: bool = strawberry.field(description="Whether this request belongs to it.")

    @classmethod
    def of(cls, session: domain.Session, viewer: Viewer) -> Self:
        return cls(
            id=strawberry.ID(session.id),
            device=device_name(session.device.user_agent),
            user_agent=session.device.user_agent,
            ip=session.device.address,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            current=session.access_id == viewer.session_id,
        )
