"""Who may do and see what: the table of `policy.yaml` against the running system, at every endpoint."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from gql import Client
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    build_schema,
    get_named_type,
    is_composite_type,
    parse,
)

from tests.harness import launcher
from tests.harness.launcher import ROOT
from tests.security.actors import Actors, create_actors, log_in
from tests.security.graphql_access import ABSENT, HIDDEN, SHOWN, GraphQLAccess, entity, filled
from tests.security.policy import ACTORS, PARENT, RETURNED, Resource, Type, load
from tests.supergraph.conftest import Account, request

POLICY = load()
API = build_schema((ROOT / "schema" / "api.graphql").read_text())
SUBGRAPHS = ("users", "products", "orders")
TYPES = {
    name: t
    for name, t in API.type_map.items()
    if isinstance(t, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
}


# ---- the table itself ----------------------------------------------------------------------------------------


def test_every_field_of_the_api_is_in_the_table_and_nothing_else() -> None:
    named = {f"{t.name}.{f}" for t in POLICY.types.values() for f in t.fields}
    there = {f"{name}.{f}" for name, t in TYPES.items() for f in t.fields}
    assert there - named == set(), "decide who may see these, in policy.yaml"
    assert named - there == set(), "these are gone from the API; take them out of policy.yaml"


def test_every_rest_endpoint_is_in_the_table_and_nothing_else() -> None:
    paths = json.loads((ROOT / "schema" / "openapi.json").read_text())["paths"]
    there = {
        f"{m.upper()} {_shape(p)}" for p, methods in paths.items() if p.startswith("/api/") for m in methods
    }
    assert {f"{r.method} {_shape(r.path)}" for r in POLICY.rest} == there


def _shape(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path.partition("?")[0])


@pytest.mark.parametrize("type_", [t for t in POLICY.types.values() if t.path is None], ids=lambda t: t.name)
def test_type_without_a_path_is_returned_by_the_named_fields_only(type_: Type) -> None:
    assert type_.returned_by is not None
    assert {f.rule for f in type_.fields.values()} == {RETURNED}
    for returning in _returning_fields(type_.name):
        assert returning in type_.returned_by or returning.partition(".")[0] in type_.returned_by, returning


def _returning_fields(name: str) -> Iterator[str]:
    for parent, t in TYPES.items():
        for field_name, field in t.fields.items():
            result = get_named_type(field.type)
            if result.name == name or (
                isinstance(result, GraphQLUnionType) and name in {m.name for m in result.types}
            ):
                yield f"{parent}.{field_name}"


# ---- GraphQL -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def readers(http: httpx.AsyncClient, admin: Account) -> Actors:
    """Actors of the tests that only read."""
    return await create_actors(http, admin)


@pytest.fixture
async def actors(http: httpx.AsyncClient, admin: Account) -> Actors:
    """Actors of one test, which may end their sessions."""
    return await create_actors(http, admin)


@pytest.fixture
def access(
    supergraph: dict[str, Any], direct: httpx.AsyncClient
) -> Callable[[str, Actors, str], GraphQLAccess]:
    def make(where: str, actors: Actors, actor: str) -> GraphQLAccess:
        return GraphQLAccess(
            direct, f"{supergraph['addresses'][where]}/graphql", actors.tokens[actor], actors.variables
        )

    return make


async def _differences(
    access: GraphQLAccess, actor: str, type_: Type, path: list[str], names: set[str]
) -> list[str]:
    """Where what `actor` sees of the type's fields is not what the table says."""
    api = TYPES[type_.name]
    composite = {n for n in names if is_composite_type(get_named_type(api.fields[n].type))}
    expected = {n: type_.fields[n].expected(actor) for n in names}
    # A field that is refused takes its parent along, so it is asked for alone.
    alone = {n for n, outcome in expected.items() if outcome not in {SHOWN, HIDDEN, PARENT}}
    together = names - alone if type_.name != "Query" else set()
    seen: dict[str, str] = {}
    for group in ([together] if together else []) + [{n} for n in sorted(names - together)]:
        calls = {n: type_.fields[n].call for n in group}
        seen |= await access.outcomes(path, calls, composite=composite & group)
    return [
        f"{type_.name}.{name} for {actor} at {path[:1]}: {seen[name]}, not {expected[name]}"
        for name in sorted(names)
        if not _agrees(type_, name, actor, seen[name])
    ]


def _agrees(type_: Type, name: str, actor: str, seen: str) -> bool:
    field = type_.fields[name]
    expected = field.expected(actor)
    if expected == PARENT:
        if not _parent_shown(type_, actor):
            return seen not in {SHOWN, HIDDEN}
        expected = SHOWN
    if expected == SHOWN and seen == HIDDEN:
        # Nobody is kept from it by a null, so a null is what there is.
        return HIDDEN not in field.outcomes.values() or _may_be_empty(type_, name)
    # What is hidden may be so because the whole object is.
    return seen == expected or (expected == HIDDEN and seen == ABSENT)


def _parent_shown(type_: Type, actor: str) -> bool:
    """Whether each step to the type's objects is open to `actor`."""
    parent = POLICY.types["Query"]
    for step in type_.path or ():
        name = step.partition("(")[0]
        expected = parent.fields[name].expected(actor)
        if expected not in {SHOWN, PARENT}:
            return False
        parent = POLICY.types[get_named_type(TYPES[parent.name].fields[name].type).name]
    return True


def _may_be_empty(type_: Type, name: str) -> bool:
    return f"{type_.name}.{name}" in {
        "Activity.detail",
        "Shipping.trackingNumber",
        "OrderEvent.note",
        "OrderEvent.actor",
    }


async def test_router_shows_each_what_the_table_says(
    access: Callable[[str, Actors, str], GraphQLAccess], readers: Actors
) -> None:
    async def ask(actor: str) -> list[str]:
        found: list[str] = []
        for type_ in _readable():
            at = access("router", readers, actor)
            found += await _differences(at, actor, type_, list(type_.path or ()), set(type_.fields))
        return found

    assert [line for found in await asyncio.gather(*map(ask, ACTORS)) for line in found] == []


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_subgraph_shows_each_what_the_table_says(
    access: Callable[[str, Actors, str], GraphQLAccess], readers: Actors, subgraph: str
) -> None:
    local = _local_fields(subgraph)

    async def ask(actor: str) -> list[str]:
        found: list[str] = []
        for type_ in _readable():
            names = set(type_.fields) & local.get(type_.name, set())
            for path in _paths(type_, local) if names else ():
                found += await _differences(access(subgraph, readers, actor), actor, type_, path, names)
        return found

    assert [line for found in await asyncio.gather(*map(ask, ACTORS)) for line in found] == []


def _readable() -> Iterator[Type]:
    return (t for t in POLICY.reachable() if t.name not in {"Mutation", "Subscription"})


def _local_fields(subgraph: str) -> dict[str, set[str]]:
    """The fields that a subgraph itself resolves, by type."""
    found: dict[str, set[str]] = {}
    for node in parse((ROOT / "schema" / f"{subgraph}.graphql").read_text()).definitions:
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode | InterfaceTypeDefinitionNode):
            found.setdefault(node.name.value, set()).update(f.name.value for f in node.fields)
    return found


def _paths(type_: Type, local: dict[str, set[str]]) -> Iterator[list[str]]:
    """The ways to an object of the type inside one subgraph: from a field of Query, and as an entity."""
    if not type_.path:
        yield []
        return
    first, *rest = type_.path
    root = first.partition("(")[0]
    start = POLICY.types[get_named_type(API.query_type.fields[root].type).name]  # type: ignore[union-attr]
    inner = start.name
    for step in rest:
        if step.partition("(")[0] not in local.get(inner, ()):
            return
        inner = get_named_type(TYPES[inner].fields[step.partition("(")[0]].type).name
    if root in local["Query"]:
        yield list(type_.path)
    if start.entity is not None and start.name in local:
        yield [entity(start.name, start.entity), *rest]


@pytest.mark.parametrize("where", ["router", *SUBGRAPHS])
async def test_mutation_is_done_for_whom_the_table_says(
    http: httpx.AsyncClient, access: Callable[[str, Actors, str], GraphQLAccess], actors: Actors, where: str
) -> None:
    local = set(TYPES["Mutation"].fields) if where == "router" else _local_fields(where)["Mutation"]
    wrong: list[str] = []
    for name, field in POLICY.types["Mutation"].fields.items():
        for actor in ACTORS if name in local else ():
            at = access(where, actors, actor)
            if field.ends_session and actor != "nobody":
                at = replace(at, token=await log_in(http, actors.accounts[actor]))
            seen = await at.mutate(name, field.call)
            if seen != field.expected(actor):
                wrong.append(f"{name} for {actor}: {seen}, not {field.expected(actor)}")
    assert wrong == []


@pytest.mark.parametrize("where", ["router", "orders"])
async def test_subscription_is_open_to_whom_the_table_says(
    supergraph: dict[str, Any], readers: Actors, where: str
) -> None:
    url = f"{supergraph['addresses'][where].replace('http', 'ws', 1)}/graphql"
    wrong: list[str] = []
    for name, field in POLICY.types["Subscription"].fields.items():
        document = filled(f"subscription {{ {field.call} {{ __typename }} }}", readers.variables)
        for actor in ACTORS:
            seen = await _first_event(url, readers.tokens[actor], document)
            if seen != field.expected(actor):
                wrong.append(f"{name} for {actor}: {seen}, not {field.expected(actor)}")
    assert wrong == []


async def _first_event(url: str, token: str | None, document: str) -> str:
    params = {"authorization": f"Bearer {token}"} if token else {}
    transport = WebsocketsTransport(url, init_payload=params, headers=launcher.AS_THE_ROUTER)
    async with asyncio.timeout(10), Client(transport=transport) as opened:
        events = opened.subscribe(request(document))
        try:
            await anext(events)
        except TransportQueryError as refused:
            [error] = refused.errors or ()
            return str(error["extensions"]["code"])
        finally:
            await events.aclose()
    return SHOWN


# ---- REST ----------------------------------------------------------------------------------------------------


async def test_rest_layer_answers_each_as_the_table_says(
    supergraph: dict[str, Any], http: httpx.AsyncClient, direct: httpx.AsyncClient, actors: Actors
) -> None:
    wrong: list[str] = []
    for resource in POLICY.rest:
        for actor in ACTORS:
            token = actors.tokens[actor]
            if resource.ends_session and actor != "nobody":
                token = await log_in(http, actors.accounts[actor])
            headers = {"authorization": f"Bearer {token}"} if token else {}
            url = supergraph["addresses"]["rest_direct"] + resource.path.format(**actors.variables)
            files = {resource.file: b"no image"} if resource.file else None
            request = direct.build_request(
                resource.method, url, json=resource.body, files=files, headers=headers
            )
            answer = await direct.send(request, stream=True)
            seen = answer.status_code if answer.status_code in {401, 403, 404} else "ok"
            if seen != resource.statuses[actor]:
                wrong.append(f"{resource.method} {resource.path} for {actor}: {answer.status_code}")
            elif resource.type and answer.is_success:
                await answer.aread()
                wrong += _wrong_fields(resource, actor, answer.json())
            await answer.aclose()
    assert wrong == []


def _wrong_fields(resource: Resource, actor: str, document: dict[str, Any]) -> Iterator[str]:
    fields = POLICY.types[resource.type or ""].fields
    for key, value in document.items():
        field = fields.get(re.sub(r"_(\w)", lambda m: m[1].upper(), key))
        if field is not None and HIDDEN in field.outcomes.values():
            hidden = field.expected(actor) == HIDDEN
            if hidden != (value is None):
                yield f"{resource.path}: {key} for {actor} is {value!r}"
