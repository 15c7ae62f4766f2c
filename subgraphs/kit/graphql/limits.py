"""What one operation may ask of a subgraph."""

from dataclasses import dataclass
from typing import Self

from graphql import GraphQLError, Node

from subgraphs.kit.settings import ServerSettings

# The router plans queries of its own below what it lets in; these bound a caller that goes around it.
MAX_TOKENS = 5000
MAX_DEPTH = 15
MAX_ALIASES = 200
MAX_ROOT_FIELDS = 20
MAX_MUTATIONS = 10
# Fields that repeat a response name of their own selection: validation compares each with each.
MAX_REPEATED_FIELDS = 100
MAX_ERRORS = 100
# Of an invalid document, which its author mends one by one.
MAX_FAULTS = 10

TOO_LARGE = "OPERATION_TOO_LARGE"
TIMEOUT = "TIMEOUT_ERROR"  # as the router names it, which shows it to clients as UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that are settings; `max_cost` counts objects, `timeout` seconds."""

    max_query_bytes: int = 20_000
    max_cost: int = 40_000
    timeout: float = 10.0
    introspection: bool = True

    @classmethod
    def of(cls, settings: ServerSettings) -> Self:
        return cls(
            max_query_bytes=settings.max_query_bytes,
            max_cost=settings.max_cost,
            timeout=settings.operation_timeout.total_seconds(),
            introspection=settings.introspection,
        )


def too_large(message: str, *nodes: Node) -> GraphQLError:
    """The refusal of an operation for its size, before anything of it is run."""
    return GraphQLError(message, list(nodes), extensions={"code": TOO_LARGE})
