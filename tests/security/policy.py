"""The table of `policy.yaml`, read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

WHO = ("nobody", "stranger", "owner", "staff", "admin")
PARENT = "parent"
GIVEN = "given"
_OF_THE_TYPE = {"reach", "entity", "given_by"}
_ROOTS = {"Query", "Mutation", "Subscription"}


@dataclass(frozen=True)
class Field:
    """One field: how to ask for it, and what each gets to see."""

    name: str
    call: str
    rule: str
    outcomes: Mapping[str, str]
    done: str
    ends_session: bool

    def expected(self, who: str) -> str:
        """The outcome for `who`; PARENT where the field stands and falls with what it is a field of."""
        if self.rule == PARENT:
            return PARENT
        outcome = self.outcomes[who]
        return self.done if outcome == "done" else outcome


@dataclass(frozen=True)
class Type:
    """One type: the path to one of its objects, or what alone gives them."""

    name: str
    reach: list[str] | None
    entity: str | None
    given_by: list[str] | None
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Resource:
    """One REST endpoint: the status for each, and the type of its answer."""

    method: str
    path: str
    type: str | None
    body: Any
    ends_session: bool
    statuses: Mapping[str, str | int]


@dataclass(frozen=True)
class Policy:
    types: Mapping[str, Type]
    rest: list[Resource]

    def reachable(self) -> Iterator[Type]:
        """The types whose objects can be asked for."""
        return (t for t in self.types.values() if t.reach is not None)


def load() -> Policy:
    raw = yaml.safe_load(Path(__file__).with_name("policy.yaml").read_text())
    rules = raw["rules"]
    types = {name: _type(name, given, rules) for name, given in raw["types"].items()}
    return Policy(types, [_resource(name, given) for name, given in raw["rest"].items()])


def _type(name: str, given: Mapping[str, Any], rules: Mapping[str, Any]) -> Type:
    fields = {f: _field(f, v, rules) for f, v in given.items() if f not in _OF_THE_TYPE}
    reach = [] if name in _ROOTS else given.get("reach")
    return Type(name, reach, given.get("entity"), given.get("given_by"), fields)


def _field(name: str, given: str | Mapping[str, Any], rules: Mapping[str, Any]) -> Field:
    more: Mapping[str, Any] = {"rule": given} if isinstance(given, str) else given
    rule = more["rule"]
    outcomes = {} if rule == GIVEN else rules[rule]
    return Field(
        name, more.get("call", name), rule, outcomes, more.get("done", "done"), more.get("ends") == "session"
    )


def _resource(name: str, given: Mapping[str, Any]) -> Resource:
    method, path = name.split()
    statuses = {who: given[who] for who in WHO}
    ends_session = given.get("ends") == "session"
    return Resource(method, path, given.get("type"), given.get("body"), ends_session, statuses)
