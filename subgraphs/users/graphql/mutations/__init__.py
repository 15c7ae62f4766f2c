"""Changing accounts and sessions. What a user can do wrong comes back as data."""

import strawberry

from subgraphs.users.graphql.mutations.accounts import AccountMutations
from subgraphs.users.graphql.mutations.administration import AdministrationMutations
from subgraphs.users.graphql.mutations.passwords import PasswordMutations
from subgraphs.users.graphql.mutations.sessions import SessionMutations


@strawberry.type
class Mutation(AdministrationMutations, PasswordMutations, SessionMutations, AccountMutations):
    pass


__all__ = ["Mutation"]
