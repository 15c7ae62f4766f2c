"""Conditional requests (RFC 9110, 13): entity tags of what is answered, and what a client's own say of it.

A tag is `"VERSION.FORM-DIGEST"` without the dash: of the kind of answer, in four digits, and of the answer itself. The
digest makes it change with every byte, as `If-None-Match` needs. Where an answer is known to be the same as long as its
version is, the version and the form are enough to say so, and the answer need not be made. A write asks of `If-Match` no more than the version: units that are reserved change the answer and not the version, and
a product that sells well could not be edited otherwise.
"""

import functools
import re
from collections.abc import Collection
from hashlib import blake2b
from typing import Annotated

import orjson
from fastapi import Header
from pydantic import BaseModel

ANY = "*"

_TAG = r'(?:W/)?"[!#-~]*"'
_LIST = rf"^(\s*(\*|{_TAG}(\s*,\s*{_TAG})*)\s*)?$"
_OURS = re.compile(r'(?P<weak>W/)?"(?P<opaque>[!#-~]*)"')
_VERSION = re.compile(r"(\d{1,10})\.[0-9a-f]+")
_FORM_BYTES = 2
_DIGEST_BYTES = 8

IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        max_length=1000,
        pattern=_LIST,
        description="An `ETag` that was read: the change is made if no other one came since (else 412).",
    ),
]
IfNoneMatch = Annotated[
    str,
    Header(
        alias="If-None-Match",
        max_length=1000,
        pattern=_LIST,
        description="An `ETag` that was read: the answer is 304, without a body, while it is still the same.",
    ),
]


def entity_tag(content: bytes, *, version: int, form: str) -> str:
    """The tag of an answer of these bytes, which is of the form `form`."""
    return f'"{version}.{form}{blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()}"'


@functools.cache
def form_of(model: type[BaseModel]) -> str:
    """Another for each kind of answer, and for each change of what it holds."""
    schema = orjson.dumps(model.model_json_schema(mode="serialization"), option=orjson.OPT_SORT_KEYS)
    return blake2b(schema, digest_size=_FORM_BYTES).hexdigest()


def known_tag(if_none_match: str, *, version: int, form: str) -> str | None:
    """The client's own tag of an answer of this version and form; None where it has none."""
    for found in _OURS.finditer(if_none_match):
        if _VERSION.fullmatch(opaque := found["opaque"]) and opaque.startswith(f"{version}.{form}"):
            return f'"{opaque}"'
    return None


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether the client has the answer of `tag` already; weak comparison (RFC 9110, 13.1.2)."""
    known = {f'"{found["opaque"]}"' for found in _OURS.finditer(if_none_match)}
    return if_none_match.strip() == ANY or tag in known


def versions(if_match: str) -> Collection[int] | None:
    """The versions that a write may meet, None for any. Weak tags match nothing (RFC 9110, 13.1.1)."""
    if if_match.strip() in {"", ANY}:
        return None
    strong = (found["opaque"] for found in _OURS.finditer(if_match) if not found["weak"])
    return {int(match[1]) for opaque in strong if (match := _VERSION.fullmatch(opaque))}
