"""Reads the table of `policy.yaml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ACTORS = ("nobody", "stranger", "owner", "staff", "admin")
PARENT = "parent"
RETURNED = "returned"
_OF_THE_TYPE = {"path", "entity", "returned_by"}
_ROOTS = {"Query", "Mutation", "Subscription"}


@dataclass(frozen=True)
class Field:
    """One field: how to ask for it, and the outcome for each actor."""

    name: str
    call: str
    rule: str
    outcomes: Mapping[str, str]
    done: str
    ends_session: bool

    def expected(self, actor: str) -> str:
        """The outcome for `actor`; PARENT where whoever sees the object sees the field."""
        if self.rule == PARENT:
            return PARENT
        outcome = self.outcomes[actor]
        return self.done if outcome == "done" else outcome


@dataclass(frozen=True)
class Type:
    """One type: the path to one of its objects, or the only fields that return them."""

    name: str
    path: list[str] | None
    entity: str | None
    returned_by: list[str] | None
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Resource:
    """One REST endpoint: the status for each actor, and the type of its answer.

    `file` is the part of a form that holds a file, for one that takes a form.
    """

    method: str
    path: str
    type: str | None
    body: Any
    file: str | None
    ends_session: bool
    statuses: Mapping[str, str | int]


@dataclass(frozen=True)
class Policy:
    types: Mapping[str, Type]
    rest: list[Resource]

    def reachable(self) -> Iterator[Type]:
        """The types whose objects can be asked for."""
        return (t for t in self.types.values() if t.path is not None)


def load() -> Policy:
    raw = yaml.safe_load(Path(__file__).with_name("policy.yaml").read_text())
    rules = raw["rules"]
    types = {name: _type(name, entry, rules) for name, entry in raw["types"].items()}
    return Policy(types, [_resource(name, entry) for name, entry in raw["rest"].items()])


def _type(name: str, entry: Mapping[str, Any], rules: Mapping[str, Any]) -> Type:
    fields = {f: _field(f, v, rules) for f, v in entry.items() if f not in _OF_THE_TYPE}
    path = [] if name in _ROOTS else entry.get("path")
    return Type(name, path, entry.get("entity"), entry.get("returned_by"), fields)


def _field(name: str, entry: str | Mapping[str, Any], rules: Mapping[str, Any]) -> Field:
    more: Mapping[str, Any] = {"rule": entry} if isinstance(entry, str) else entry
    rule = more["rule"]
    outcomes = {} if rule == RETURNED else rules[rule]
    return Field(
        name, more.get("call", name), rule, outcomes, more.get("done", "done"), more.get("ends") == "session"
    )


def _resource(name: str, entry: Mapping[str, Any]) -> Resource:
    method, path = name.split()
    statuses = {actor: entry[actor] for actor in ACTORS}
    ends_session = entry.get("ends") == "session"
    return Resource(
        method, path, entry.get("type"), entry.get("body"), entry.get("file"), ends_session, statuses
    )
