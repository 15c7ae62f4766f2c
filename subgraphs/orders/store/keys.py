"""Many keys in one query."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from subgraphs.kit.ids import is_id


def known_ids(ids: Sequence[str]) -> list[str]:
    """The distinct ids among `ids`.

    What is no id finds nothing, and must not fail the whole batch: PostgreSQL refuses some texts.
    """
    return [i for i in dict.fromkeys(ids) if is_id(i)]


def any_of(name: str) -> ColumnElement[Any]:
    """Any element of the array parameter `name`: the statement is the same text for any number of keys."""
    return any_(bindparam(name, type_=ARRAY(Text())))
