"""Changing orders and webhooks. What a client can do wrong comes back as data."""

import strawberry

from subgraphs.orders.graphql.mutations.amendments import AmendmentMutations
from subgraphs.orders.graphql.mutations.cancellations import CancellationMutations
from subgraphs.orders.graphql.mutations.fulfilment import FulfilmentMutations
from subgraphs.orders.graphql.mutations.payments import PaymentMutations
from subgraphs.orders.graphql.mutations.placement import PlacementMutations
from subgraphs.orders.graphql.mutations.refunds import RefundMutations
from subgraphs.orders.graphql.mutations.webhooks import WebhookMutations


@strawberry.type
class Mutation(
    PlacementMutations,
    AmendmentMutations,
    PaymentMutations,
    FulfilmentMutations,
    CancellationMutations,
    RefundMutations,
    WebhookMutations,
):
    pass


__all__ = ["Mutation"]
