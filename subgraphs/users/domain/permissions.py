"""Roles, and what they may do. The one source of the names of permissions.

Other subgraphs know a permission by its name only, which a test compares with the enum of `schema/users.graphql`.
"""

from enum import StrEnum
from typing import NewType

RoleVersion = NewType("RoleVersion", str)


class Role(StrEnum):
    USER = "USER"
    STAFF = "STAFF"
    ADMIN = "ADMIN"


class Permission(StrEnum):
    MANAGE_USERS = "MANAGE_USERS"
    MANAGE_PRODUCTS = "MANAGE_PRODUCTS"
    MANAGE_ORDERS = "MANAGE_ORDERS"
    VIEW_REPORTS = "VIEW_REPORTS"
