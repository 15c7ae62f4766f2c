"""What a registration, a login and a refresh give alike."""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.users.domain.session import Authentication
from subgraphs.users.graphql.entities import User


@strawberry.type(description="Tokens to act as a user, and that user.")
class AuthPayload:
    access_token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    refresh_token: str = strawberry.field(
        description="Works once, for `refreshToken`, which gives the next one. Keep it secret."
    )
    expires_at: datetime = strawberry.field(description="When the access token ends.")
    user: User

    @classmethod
    def of(cls, authentication: Authentication) -> Self:
        user = authentication.user
        return cls(
            access_token=authentication.access_token,
            refresh_token=authentication.refresh_token,
            expires_at=authentication.expires_at,
            # The request came without a token, yet whoever gets these tokens is the user.
            user=User.of(user, Viewer(user_id=user.id)),
        )
