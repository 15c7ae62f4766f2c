"""Changing orders. What a client can do wrong comes back as data."""

import strawberry

from subgraphs.orders.graphql.mutations.cancellations import CancellationMutations
from subgraphs.orders.graphql.mutations.payments import PaymentMutations
from subgraphs.orders.graphql.mutations.placement import PlacementMutations


@strawberry.type
class Mutation(PlacementMutations, PaymentMutations, CancellationMutations):
    pass


__all__ = ["Mutation"]
