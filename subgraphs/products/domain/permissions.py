"""The permissions that this subgraph asks for; the users subgraph gives them to roles."""

from enum import StrEnum


class Permission(StrEnum):
    MANAGE_PRODUCTS = "MANAGE_PRODUCTS"
