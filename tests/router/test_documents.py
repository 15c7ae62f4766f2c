"""How long a query text may be, and that documents do not fill the router's memory."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.router.processes import Execute, Process, Starter
from tests.router.recording_subgraphs import SEEN

MAX_QUERY = 20_000
QUERY = "{ product(id: 1) { id } }"
HEAP = "--max-old-space-size=256"


def padded(size: int) -> str:
    """A good query of that many bytes of UTF-8: comments have no tokens. They are two bytes a character."""
    rest = size - len(QUERY) - len("#\n")
    return "#" + "é" * (rest // 2) + "x" * (rest % 2) + "\n" + QUERY


def test_a_query_text_up_to_the_limit_is_served_and_one_byte_more_is_refused(
    router: Process, execute: Execute
) -> None:
    assert execute(router, padded(MAX_QUERY)).json() == {"data": {"product": {"id": "1"}}}
    (error,) = execute(router, padded(MAX_QUERY + 1)).json()["errors"]
    assert error["message"] == "The query text is too large: it has 20001 bytes, the limit is 20000."
    assert error["extensions"]["code"] == "OPERATION_TOO_LARGE"
    assert len(SEEN["products"].requests) == 1


def test_a_query_text_that_is_too_large_is_refused_before_it_is_parsed(
    router: Process, execute: Execute
) -> None:
    (error,) = execute(router, "{" * (MAX_QUERY + 1)).json()["errors"]
    assert error["extensions"]["code"] == "OPERATION_TOO_LARGE"


@pytest.mark.parametrize(
    ("accept", "status"), [("application/json", 200), ("application/graphql-response+json", 400)]
)
def test_the_refusal_has_the_status_of_a_validation_error(
    router: Process, execute: Execute, accept: str, status: int
) -> None:
    response = execute(router, padded(MAX_QUERY + 1), headers={"accept": accept})
    assert response.status_code == status
    assert execute(router, "{ nope }", headers={"accept": accept}).status_code == status


WAYS: dict[str, Callable[[str, str], httpx.Response]] = {
    "GET": lambda url, query: httpx.get(
        f"{url}?query={quote(query)}", headers={"apollo-require-preflight": "true"}
    ),
    "urlencoded": lambda url, query: httpx.post(
        url,
        content=urlencode({"query": query}),
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "apollo-require-preflight": "true",
        },
    ),
    "as text": lambda url, query: httpx.post(
        url, content=query.encode(), headers={"content-type": "application/graphql"}
    ),
    "event stream": lambda url, query: httpx.post(
        url, json={"query": query}, headers={"accept": "text/event-stream"}
    ),
}


@pytest.fixture(scope="module")
def strict_router(start_router: Starter) -> Process:
    return start_router(ROUTER_MAX_QUERY_BYTES="500")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_limit_holds_whatever_way_a_query_is_sent(
    strict_router: Process, way: Callable[[str, str], httpx.Response]
) -> None:
    url = f"{strict_router.url}/graphql"
    assert '"product":{"id":"1"}' in way(url, padded(500)).text
    refused = way(url, padded(501)).text
    assert "OPERATION_TOO_LARGE" in refused
    assert '"product"' not in refused


def heap_used(router: Process) -> int:
    """Bytes of the router's heap in use."""
    metrics = httpx.get(f"{router.url}/metrics").text
    found = re.search(r"^nodejs_heap_size_used_bytes (\S+)$", metrics, re.MULTILINE)
    assert found
    return int(float(found[1]))


@pytest.fixture(scope="module")
def narrow_router(start_router: Starter) -> Iterator[Process]:
    """With little memory, which is to last for the documents of all tests."""
    router = start_router(NODE_OPTIONS=HEAP, ROUTER_MAX_BODY_BYTES=str(1024 * 1024))
    yield router
    assert router.stop() == 0


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (lambda n: f"#{n}\n" + "#\n" * 9_900 + QUERY, None),
        (lambda n: f"query Q{n} {{ product(id: 1) {{" + "id " * 3_980 + "} }", "OPERATION_TOO_LARGE"),
        (lambda n: f"#{n}" + "x" * 900_000 + "\n" + QUERY, "OPERATION_TOO_LARGE"),
    ],
    ids=["comments", "tokens", "0.9 MB"],
)
def test_distinct_documents_do_not_fill_the_memory(
    narrow_router: Process, document: Callable[[int], str], code: str | None
) -> None:
    with httpx.Client(timeout=30) as client:
        for number in range(300):
            body = json.dumps({"query": document(number)})
            answer = client.post(
                f"{narrow_router.url}/graphql", content=body, headers={"content-type": "application/json"}
            ).json()
            got = answer["errors"][0]["extensions"]["code"] if "errors" in answer else None
            assert got == code
    assert narrow_router.popen.poll() is None
    assert heap_used(narrow_router) < 230_000_000


def test_a_document_that_was_dropped_from_the_cache_is_served_all_the_same(start_router: Starter) -> None:
    router = start_router(ROUTER_DOCUMENT_CACHE_BYTES="0")
    for _ in range(2):
        answer = httpx.post(f"{router.url}/graphql", json={"query": QUERY}).json()
        assert answer == {"data": {"product": {"id": "1"}}}
    router.stop()
