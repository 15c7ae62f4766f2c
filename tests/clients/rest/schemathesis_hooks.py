"""Rules between parameters, and with what is stored, which OpenAPI has no words for: what breaks them is not valid."""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

MAX_DEPTH = 10_000


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:  # noqa: ARG001 - the hook's signature
    return _fits(case) if _is_valid(case) else not _is_complete_form(case)


def _is_complete_form(case: Case) -> bool:
    """A form with a file in it: whatever else was made of its values, they are sent as text, and so are of the right type."""
    is_form = (case.media_type or "").startswith("multipart/form-data")
    return is_form and isinstance(case.body, dict) and "image" in case.body


def _is_valid(case: Case) -> bool:
    return case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE


def _fits(case: Case) -> bool:
    if (case.headers or {}).get("If-Match", "*") != "*":
        return False  # a tag that was never given is of no version
    query: dict[str, Any] = dict(case.query or {})
    if "cursor" in query and "page" in query:
        return False
    if int(query.get("page", 1)) * int(query.get("limit", 20)) > MAX_DEPTH:
        return False
    return float(query.get("min_price", 0)) <= float(query.get("max_price", "inf"))
