"""What a resolver of this subgraph may reach."""

from dataclasses import dataclass
from typing import TypeAlias

import strawberry

from subgraphs.kit.graphql.context import RequestContext
from subgraphs.users.domain.device import Device
from subgraphs.users.graphql.loaders import Loaders
from subgraphs.users.service import UserService

_ADDRESS_MAX = 64  # an IPv6 address with a zone has less; the header that it comes from may hold anything


@dataclass(slots=True, kw_only=True)
class UsersContext(RequestContext):
    service: UserService
    loaders: Loaders

    @property
    def device(self) -> Device:
        return Device(user_agent=self.user_agent, address=self.client_address[:_ADDRESS_MAX])


Info: TypeAlias = strawberry.Info[UsersContext, None]
