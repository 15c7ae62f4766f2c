"""Changing orders. What a client can do wrong comes back as data."""

import strawberry

from subgraphs.orders.graphql.mutations.amendments import AmendmentMutations
from subgraphs.orders.graphql.mutations.cancellations import CancellationMutations
from subgraphs.orders.graphql.mutations.fulfilment import FulfilmentMutations
from subgraphs.orders.graphql.mutations.payments import PaymentMutations
from subgraphs.orders.graphql.mutations.placement import PlacementMutations
from subgraphs.orders.graphql.mutations.refunds import RefundMutations


@strawberry.type
class Mutation(
    PlacementMutations,
    AmendmentMutations,
    PaymentMutations,
    FulfilmentMutations,
    CancellationMutations,
    RefundMutations,
):
    pass


__all__ = ["Mutation"]
