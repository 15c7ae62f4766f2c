"""Changing orders, a module for each mutation. What a client can do wrong comes back as data."""

import strawberry

from subgraphs.orders.graphql.mutations.cancel_order import CancelOrderMutation
from subgraphs.orders.graphql.mutations.create_order import CreateOrderMutation
from subgraphs.orders.graphql.mutations.pay_order import PayOrderMutation


@strawberry.type
class Mutation(CreateOrderMutation, PayOrderMutation, CancelOrderMutation):
    pass


__all__ = ["Mutation"]
