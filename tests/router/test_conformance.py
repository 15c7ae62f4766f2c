"""What both routers do alike, run against each that is here: Hive Gateway always, Apollo Router where its binary is."""

import asyncio
import hashlib
import json
import shutil
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from graphql import OperationType

from clients.rest import documents
from deploy.local import apollo
from deploy.tools.schema import generate
from tests.router.processes import MAX_BODY, SECRET, Execute, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN
from tests.router.servers import Subgraph

JSON = {"content-type": "application/json"}
ACROSS = "{ order(id: 1) { id user { username orders { items { product { name stock } } } } } }"
PRODUCT = "{ product(id: 1) { id } }"
TRUSTED = "query Trusted { product(id: 1) { id } }"
ONE = {"data": {"product": {"id": "1"}}}


def codes(response: httpx.Response) -> set[str]:
    return {error["extensions"]["code"] for error in response.json()["errors"]}


def asked() -> int:
    """How many requests reached any subgraph."""
    return sum(len(seen.requests) for seen in SEEN.values())


# ---- federation ----------------------------------------------------------------------------------------------


def test_a_query_crosses_all_subgraphs_and_each_is_asked_once_per_step(
    engine: Process, execute: Execute
) -> None:
    products = [{"product": {"name": f"product-p{n}", "stock": 7}} for n in (1, 2)]
    assert execute(engine, ACROSS).json() == {
        "data": {"order": {"id": "1", "user": {"username": "user-1", "orders": [{"items": products}]}}}
    }
    assert {name: len(seen.requests) for name, seen in SEEN.items()} == dict.fromkeys(SEEN, 1)


def test_an_entity_that_another_subgraph_extends_is_followed_the_other_way(
    engine: Process, execute: Execute
) -> None:
    headers = {"authorization": "Bearer t"}
    answer = execute(engine, "{ me { username orders { id status } } }", headers=headers).json()
    assert answer == {"data": {"me": {"username": "ada", "orders": [{"id": "o1", "status": "PAID"}]}}}
    assert [len(SEEN[name].requests) for name in ("users", "products", "orders")] == [1, 0, 1]


def test_a_subgraph_that_is_down_gives_partial_data_and_comes_back(
    engine: Process, execute: Execute, subgraphs: dict[str, Subgraph]
) -> None:
    query = "{ order(id: 1) { status user { username } items { product { name } } } }"
    whole = execute(engine, query).json()
    subgraphs["products"].stop()
    try:
        response = execute(engine, query)
        partial = {**whole["data"]["order"], "items": [{"product": None}] * 2}
        assert response.json()["data"] == {"order": partial}
        assert codes(response) == {"UNAVAILABLE"}
        (message,) = {error["message"] for error in response.json()["errors"]}
        assert message == "The products service is not available right now; try again shortly."
        assert "127.0.0.1" not in response.text
    finally:
        subgraphs["products"] = Subgraph("products", subgraphs["products"].port)
        subgraphs["products"].start()
    assert execute(engine, query).json() == whole


def test_a_slow_subgraph_costs_its_own_fields_only_and_is_asked_once(
    engine: Process, execute: Execute
) -> None:
    response = execute(engine, "{ slow(seconds: 3) product(id: 1) { id } }")
    assert response.json()["data"] == {"slow": None, "product": {"id": "1"}}
    assert codes(response) == {"UNAVAILABLE"}
    assert "is not available right now; try again shortly." in response.json()["errors"][0]["message"]
    assert "127.0.0.1" not in response.text
    assert len(SEEN["users"].requests) == 1


def test_a_mutation_that_was_cut_off_is_not_sent_again(engine: Process, execute: Execute) -> None:
    SEEN["users"].drop_next = 1
    assert codes(execute(engine, 'mutation { rename(username: "x") { id } }')) == {"UNAVAILABLE"}
    assert SEEN["users"].calls == ["dropped"]


def test_mutations_are_carried_out_in_their_order(engine: Process, execute: Execute) -> None:
    query = "mutation { " + " ".join(f'r{n}: rename(username: "x{n}") {{ id }}' for n in range(10)) + " }"
    assert "errors" not in execute(engine, query).json()
    assert SEEN["users"].calls == [f"rename x{n}" for n in range(10)]


# ---- headers -------------------------------------------------------------------------------------------------


def test_the_agreed_headers_reach_each_subgraph_and_no_others(engine: Process, execute: Execute) -> None:
    passed = {
        "authorization": "Bearer t",
        "x-request-id": "r-1",
        "tracestate": "a=b",
        "user-agent": "probe/1",
        "x-client-address": "192.0.2.7",
        "idempotency-key": "k-1",
    }
    trace = "0af7651916cd43dd8448eb211c80319c"
    others = {"cookie": "session=1", "x-internal": "yes", "x-forwarded-for": "192.0.2.9"}
    traceparent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    execute(engine, ACROSS, headers={**passed, **others, **traceparent})
    assert asked() == 3
    for seen in SEEN.values():
        for headers in seen.requests:
            assert {name: headers.get(name) for name in passed} == passed
            assert headers["traceparent"].split("-")[1] == trace
            assert not headers.keys() & others.keys()


def test_subgraphs_see_the_secret_of_the_router_and_none_of_a_client(
    engine: Process, execute: Execute
) -> None:
    execute(engine, ACROSS, headers={"x-router-secret": "guessed"})
    shown = [headers["x-router-secret"] for seen in SEEN.values() for headers in seen.requests]
    assert shown == [SECRET] * 3


@pytest.mark.parametrize("given", [{}, {"x-request-id": "two words"}, {"x-request-id": "x" * 200}])
def test_a_request_id_is_made_where_there_is_none_or_an_unfit_one(
    engine: Process, execute: Execute, given: dict[str, str]
) -> None:
    returned = execute(engine, PRODUCT, headers=given).headers["x-request-id"]
    assert uuid.UUID(returned)
    assert SEEN["products"].requests[-1]["x-request-id"] == returned


# ---- errors --------------------------------------------------------------------------------------------------


def test_an_error_with_a_code_passes_with_its_extensions(engine: Process, execute: Execute) -> None:
    response = execute(engine, "{ me { id } product(id: 1) { id } }", headers={"x-request-id": "r-2"})
    extensions = {"code": "UNAUTHENTICATED", "hint": "login", "service": "users", "requestId": "r-2"}
    assert response.json() == {
        "data": {"me": None, "product": {"id": "1"}},
        "errors": [{"message": "Log in first.", "path": ["me"], "extensions": extensions}],
    }


async def test_an_error_without_a_code_is_masked_and_logged(
    engine: Process, execute: Execute, wait_until: WaitUntil
) -> None:
    response = execute(engine, "{ leaky }", headers={"x-request-id": "r-3"})
    assert response.json()["errors"] == [
        {
            "message": "Something went wrong on our side; the request id says which request it was.",
            "path": ["leaky"],
            "extensions": {"code": "INTERNAL", "requestId": "r-3"},
        }
    ]
    await wait_until(lambda: "connect to postgres" in engine.log())


@pytest.mark.parametrize("query", ["{ nope }", "{ me { id ", "query ($id: ID!) { product(id: $id) { id } }"])
def test_a_faulty_operation_is_refused_before_any_subgraph_is_asked(
    engine: Process, execute: Execute, query: str
) -> None:
    answer = execute(engine, query).json()
    assert answer["errors"]
    assert answer.get("data") is None
    assert asked() == 0


# ---- limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_refused(engine: Process, *, chunked: bool) -> None:
    body = b"x" * (MAX_BODY + 1)
    response = httpx.post(f"{engine.url}/graphql", content=iter([body]) if chunked else body, headers=JSON)
    assert response.status_code == 413
    assert asked() == 0


def test_a_query_text_up_to_the_limit_is_served_and_one_byte_more_is_refused(
    engine: Process, execute: Execute
) -> None:
    padding = "#" + "é" * ((20_000 - len(PRODUCT) - 2) // 2) + "\n"
    fits = padding + PRODUCT + " " * (20_000 - len((padding + PRODUCT).encode()))
    assert execute(engine, fits).json() == ONE
    response = execute(engine, fits + " ")
    (error,) = response.json()["errors"]
    assert error["message"] == "The query text is too large: it has 20001 bytes, the limit is 20000."
    assert codes(response) == {"OPERATION_TOO_LARGE"}
    assert asked() == 1


@pytest.mark.parametrize(
    "query",
    ["{ " + "me { id } " * 1500 + "}", "{ a " + "{ a " * 200 + "} " * 200 + "}"],
    ids=["tokens", "nesting"],
)
def test_a_document_past_the_limits_of_the_parser_is_refused(
    engine: Process, execute: Execute, query: str
) -> None:
    assert execute(engine, query).json()["errors"]
    assert asked() == 0


def test_a_batch_is_refused(engine: Process) -> None:
    response = httpx.post(f"{engine.url}/graphql", json=[{"query": PRODUCT}] * 2)
    assert response.status_code == 400
    assert asked() == 0


# ---- the classic probes --------------------------------------------------------------------------------------


def test_a_field_that_is_repeated_is_resolved_once(engine: Process, execute: Execute) -> None:
    assert execute(engine, "{ product(id: 1) { " + "id " * 600 + "} }").json() == ONE
    assert SEEN["products"].calls == ["product 1"]


@pytest.fixture(scope="module")
def closed(start_engine: Starter) -> Process:
    """The same router as it runs in production: its schema is hidden."""
    return start_engine(ROUTER_INTROSPECTION="false")


def test_sixty_unknown_directives_get_few_errors(closed: Process, execute: Execute) -> None:
    response = execute(closed, "{ me { id " + " ".join(f"@nope{n}" for n in range(60)) + " } }")
    assert 1 <= len(response.json()["errors"]) <= 11
    assert asked() == 0


@pytest.mark.parametrize("query", ["{ produc(id: 1) { id } }", "{ product(ide: 1) { id } }"])
def test_without_introspection_errors_suggest_no_names(closed: Process, execute: Execute, query: str) -> None:
    response = execute(closed, query)
    assert response.json()["errors"]
    assert "Did you mean" not in response.text


def test_introspection_can_be_turned_off(closed: Process, engine: Process, execute: Execute) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "User") { name } }'):
        assert "errors" not in execute(engine, query).json()
        answer = execute(closed, query).json()
        assert answer["errors"]
        assert not answer.get("data")
    assert execute(closed, "{ __typename }").json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_a_request_that_a_page_could_forge_is_refused(engine: Process, media: str) -> None:
    content = urlencode({"query": PRODUCT}) if "url" in media else json.dumps({"query": PRODUCT})
    response = httpx.post(f"{engine.url}/graphql", content=content, headers={"content-type": media})
    assert response.status_code == 400
    assert asked() == 0


def test_a_query_in_the_address_needs_a_header_that_no_page_can_send(engine: Process) -> None:
    address = f"{engine.url}/graphql?{urlencode({'query': PRODUCT})}"
    assert httpx.get(address, headers={"apollo-require-preflight": "true"}).json() == ONE
    response = httpx.get(address)
    assert response.status_code == 400
    assert asked() == 1


@pytest.fixture(scope="module")
def telling(start_engine: Starter) -> Process:
    """The same router as the launcher starts it for a person alone."""
    return start_engine(ROUTER_EXPOSE_QUERY_PLAN="true")


def test_who_asks_for_the_plan_gets_it_where_it_is_told(
    telling: Process, engine: Process, execute: Execute
) -> None:
    asking = {"apollo-expose-query-plan": "true"}
    extensions = execute(telling, PRODUCT, headers=asking).json()["extensions"]
    (plan,) = extensions.values()
    assert '"kind":"Fetch","serviceName":"products"' in json.dumps(plan, separators=(",", ":"))
    assert execute(telling, PRODUCT).json() == ONE
    assert execute(engine, PRODUCT, headers=asking).json() == ONE


# ---- automatic persisted queries -----------------------------------------------------------------------------


def persisted(query: str) -> dict[str, Any]:
    digest = hashlib.sha256(query.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


def test_a_query_that_was_sent_with_its_hash_is_found_by_the_hash_alone(engine: Process) -> None:
    address, query = f"{engine.url}/graphql", f"{PRODUCT} # {engine.name}"
    unknown = httpx.post(address, json=persisted(query))
    assert codes(unknown) == {"PERSISTED_QUERY_NOT_FOUND"}
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert httpx.post(address, json={"query": query, **persisted(query)}).json() == ONE
    assert httpx.post(address, json=persisted(query)).json() == ONE


def test_a_hash_of_another_text_is_refused_and_not_kept(engine: Process) -> None:
    address, other = f"{engine.url}/graphql", "{ product(id: 2) { id } }"
    response = httpx.post(address, json={"query": PRODUCT, **persisted(other)})
    assert response.status_code == 400
    assert response.json()["errors"]
    assert codes(httpx.post(address, json=persisted(other))) == {"PERSISTED_QUERY_NOT_FOUND"}
    assert asked() == 0


# ---- safelist ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusting(start_engine: Starter, tmp_path_factory: pytest.TempPathFactory) -> Process:
    """The same router where a manifest of one operation is all that is run."""
    folder = tmp_path_factory.mktemp("safelist")
    digest = hashlib.sha256(TRUSTED.encode()).hexdigest()
    operations = [{"id": digest, "name": "Trusted", "type": "query", "body": TRUSTED}]
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    (folder / "operations.json").write_text(json.dumps(manifest))
    shutil.copy(apollo.FOLDER / "rhai" / "main.rhai", folder)
    (folder / "safelist.rhai").write_text(generate.safelist(manifest))
    return start_engine(
        ROUTER_SAFELIST="true", ROUTER_OPERATIONS=str(folder / "operations.json"), ROUTER_RHAI=str(folder)
    )


def test_with_the_safelist_on_the_operations_of_the_manifest_alone_are_run(
    trusting: Process, execute: Execute
) -> None:
    assert execute(trusting, TRUSTED).json() == ONE
    for other in (f"{TRUSTED} ", "{ __typename }", "query Trusted { __typename }"):
        response = execute(trusting, other)
        assert response.status_code == 403
        assert codes(response) == {"QUERY_NOT_IN_SAFELIST"}
    other = f"{TRUSTED}\n"
    response = httpx.post(f"{trusting.url}/graphql", json={"query": other, **persisted(other)})
    assert codes(response) == {"QUERY_NOT_IN_SAFELIST"}
    response = httpx.post(f"{trusting.url}/graphql", json=persisted(other))
    assert response.json()["errors"]
    assert asked() == 1


def test_what_rest_sends_is_in_the_safelist_and_nothing_else_is(
    start_engine: Starter, execute: Execute
) -> None:
    engine = start_engine(
        ROUTER_SAFELIST="true", ROUTER_SUPERGRAPH=str(generate.SCHEMAS / generate.SUPERGRAPH)
    )
    sent = [one for one in documents.load().values() if one.kind is not OperationType.SUBSCRIPTION]
    assert len(sent) > 20
    for document in sent:
        # Its variables are missing or its subgraph is another: what matters is how far it came.
        assert "QUERY_NOT_IN_SAFELIST" not in execute(engine, document.text).text, document.name
    assert codes(execute(engine, "{ __typename }")) == {"QUERY_NOT_IN_SAFELIST"}
    engine.stop()


# ---- one supergraph after another, and the end ---------------------------------------------------------------


async def test_a_new_supergraph_is_taken_up_without_a_lost_request(
    start_engine: Starter, composed: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    supergraph = tmp_path / "supergraph.graphql"
    whole = (composed / "supergraph.graphql").read_text()
    assert whole.count("  leaky: String @join__field(graph: USERS)\n") == 1
    supergraph.write_text(whole)
    engine = start_engine(ROUTER_SUPERGRAPH=str(supergraph), ROUTER_TIMEOUT="10s")
    async with httpx.AsyncClient(base_url=engine.url, timeout=10) as client:

        async def ask(query: str) -> httpx.Response:
            # Each over a connection of its own: one that is idle may be closed at any time, and is by Apollo Router.
            request = client.build_request("POST", "/graphql", json={"query": query})
            request.headers["connection"] = "close"
            try:
                return await client.send(request)
            except httpx.ReadError:
                # It closes one that it has just accepted, too, as it changes over: a read is sent again, as the edge does.
                if engine.name == "hive":
                    raise
                return await client.send(request)

        slow = asyncio.create_task(ask("{ slow(seconds: 2) }"))
        await wait_until(lambda: len(SEEN["users"].requests) == 1)
        unfinished = tmp_path / "supergraph.part"
        unfinished.write_text(whole.replace("  leaky: String @join__field(graph: USERS)\n", ""))
        unfinished.replace(supergraph)
        async with asyncio.timeout(15):
            while codes(await ask("{ leaky }")) != {"GRAPHQL_VALIDATION_FAILED"}:
                assert (await ask(PRODUCT)).json() == ONE
        assert (await slow).json() == {"data": {"slow": "done"}}

        supergraph.write_text("type Query {")
        failure = "not reloaded" if engine.name == "hive" else "error while reloading"
        async with asyncio.timeout(15):
            while failure not in engine.log():
                assert (await ask(PRODUCT)).json() == ONE
        assert (await ask(PRODUCT)).json() == ONE
    engine.stop()


def test_a_stop_lets_running_operations_finish(start_engine: Starter) -> None:
    engine = start_engine()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(httpx.post, f"{engine.url}/graphql", json={"query": "{ slow(seconds: 0.5) }"})
        while not SEEN["users"].requests:
            time.sleep(0.01)
        assert engine.stop() == 0
        assert answer.result().json() == {"data": {"slow": "done"}}
