"""Which metrics a PromQL expression reads, and which metrics a process tells of."""

import re

_TEXT = re.compile(r'"[^"]*"')
_MATCHERS = re.compile(r"\{[^}]*\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_DURATION = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


def metrics_of(expression: str) -> set[str]:
    """The names of the series that `expression` reads."""
    rest = _TEXT.sub('""', expression)
    for part in (_MATCHERS, _GROUPING, _DURATION):
        rest = part.sub(" ", rest)
    return {name for name in _NAME.findall(rest) if name.lower() not in _WORDS}


def series_in(exposition: str) -> set[str]:
    """The names of the series that a text of `/metrics` has, or will have once there is something to count."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE):
        found |= {name + suffix for suffix in _SUFFIXES.get(kind, ("",))}
    return found
