"""What the edge does before, after and instead of what stands behind it."""

import json
import socket
import time
import uuid
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.ports import Ports
from tests.router.processes import MAX_BODY, MAX_WEBHOOK, Execute, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN, token
from tests.router.servers import Rest, Subgraph

ME = {"query": "{ me { username } }"}


def rest_error(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error in REST's shape, which must hold nothing else and the request's id."""
    body = response.json()
    assert body.keys() == {"error", "request_id"}
    assert body["error"].keys() == {"code", "message"}
    assert body["request_id"] == response.headers["x-request-id"]
    return response.status_code, body["error"]["code"]


def graphql_error(response: httpx.Response) -> tuple[int, str]:
    """The same of an error in GraphQL's shape."""
    body = response.json()
    assert body.keys() == {"errors"}
    (error,) = body["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return response.status_code, error["extensions"]["code"]


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


# ---- paths ---------------------------------------------------------------------------------------------------


def test_graphql_goes_to_the_router_and_the_request_id_to_both_ends(edge: Process, execute: Execute) -> None:
    response = execute(edge, "{ product(id: 1) { name } }", headers={"x-request-id": "r-1"})
    assert response.json() == {"data": {"product": {"name": "product-1"}}}
    assert response.headers["x-request-id"] == "r-1"
    assert SEEN["products"].requests[-1]["x-request-id"] == "r-1"


def test_a_request_id_is_made_where_there_is_none(edge: Process, execute: Execute) -> None:
    response = execute(edge, "{ product(id: 1) { name } }")
    assert uuid.UUID(response.headers["x-request-id"])
    assert SEEN["products"].requests[-1]["x-request-id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/api/v1/products", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/ready"]
)
def test_rest_paths_go_to_the_rest_layer(edge: Process, path: str) -> None:
    assert httpx.get(edge.url + path).json() == {"path": path}


def test_webhooks_of_payment_providers_go_to_orders_as_they_came_and_need_no_token(edge: Process) -> None:
    body = b'{"id":  "evt_1"}'
    headers = {"stripe-signature": "t=1,v1=aa", "authorization": "Bearer nonsense"}
    assert (
        httpx.post(f"{edge.url}/webhooks/payments/stripe", content=body, headers=headers).status_code == 200
    )
    assert SEEN["orders"].calls == [f"/webhooks/payments/stripe {body.decode()}"]
    assert SEEN["orders"].requests[-1]["stripe-signature"] == "t=1,v1=aa"
    assert SEEN["orders"].requests[-1]["x-client-address"] == "127.0.0.1"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_webhooks_are_only_posted(edge: Process, method: str) -> None:
    refused = httpx.request(method, f"{edge.url}/webhooks/payments/stripe")
    assert rest_error(refused) == (405, "METHOD_NOT_ALLOWED")
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["", "/", "/stripe/more", "/../payments"])
def test_nothing_else_is_below_the_webhooks(edge: Process, path: str) -> None:
    answer = httpx.post(f"{edge.url}/webhooks/payments{path}")
    assert rest_error(answer) == (404, "NOT_FOUND")
    assert SEEN["orders"].calls == []


def test_a_webhook_past_its_limit_is_refused(edge: Process) -> None:
    assert MAX_WEBHOOK < MAX_BODY
    answers = [
        httpx.post(f"{edge.url}/webhooks/payments/stripe", content=b"x" * size)
        for size in (MAX_WEBHOOK, MAX_WEBHOOK + 1)
    ]
    assert answers[0].status_code == 200
    assert rest_error(answers[1]) == (413, "PAYLOAD_TOO_LARGE")


def test_webhooks_have_a_bucket_of_their_own(start_edge: Starter) -> None:
    edge = start_edge(RATE_LIMIT_PER_MINUTE=1, RATE_LIMIT_BURST=1)
    hook = f"{edge.url}/webhooks/payments/stripe"
    assert [httpx.post(hook).status_code for _ in range(5)] == [200] * 5
    assert [httpx.get(f"{edge.url}/api/v1/products").status_code for _ in range(2)] == [200, 429]
    assert httpx.post(hook).status_code == 200


def test_signing_keys_come_from_users(edge: Process) -> None:
    (key,) = httpx.get(f"{edge.url}/.well-known/jwks.json").json()["keys"]
    assert key["kid"] == "k1"


@pytest.mark.parametrize("path", ["/nope", "/graphql/x", "/admin", "/stats", "/quitquitquit", "/metrics/x"])
def test_an_unknown_path_is_not_found(edge: Process, path: str) -> None:
    assert rest_error(httpx.get(edge.url + path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/ready", "/sandbox", "/", "/.well-known/jwks.json"])
def test_what_is_only_shown_is_only_read(edge: Process, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "TRACE", "QUERY"):
        refused = httpx.request(method, edge.url + path, headers={"content-type": "application/json"})
        assert rest_error(refused) == (405, "METHOD_NOT_ALLOWED")
        assert "GET" in refused.headers["allow"]
    assert httpx.request("QUERY", edge.url + path).status_code == 405
    assert httpx.get(edge.url + path).status_code == 200


@pytest.mark.parametrize("method", ["TRACE", "QUERY"])
def test_a_method_that_nothing_serves_is_refused_before_anything_behind_is_asked(
    edge: Process, rest: Rest, method: str
) -> None:
    asked = len(rest.requests)
    typed = {"content-type": "application/json"}
    answer = httpx.request(method, f"{edge.url}/api/v1/products", headers=typed)
    assert rest_error(answer) == (405, "METHOD_NOT_ALLOWED")
    answer = httpx.request(method, f"{edge.url}/graphql", headers=typed)
    assert graphql_error(answer) == (405, "METHOD_NOT_ALLOWED")
    assert len(rest.requests) == asked
    assert not any(seen.requests for seen in SEEN.values())


@pytest.mark.parametrize("path", ["/api/../health", "//health", "/./health"])
def test_paths_are_normalised(edge: Process, path: str) -> None:
    assert httpx.get(edge.url + path).json() == {"status": "ok"}


def test_escaped_slashes_are_refused(edge: Process) -> None:
    assert httpx.get(f"{edge.url}/api/v1%2F..%2Fadmin").status_code == 400


def test_the_root_lists_what_there_is_for_people_and_programs(edge: Process) -> None:
    assert httpx.get(edge.url).json()["graphql"] == "/graphql"
    assert '<a href="/graphql">' in httpx.get(edge.url, headers={"accept": "text/html"}).text


def test_the_sandbox_page_points_at_this_api(edge: Process) -> None:
    page = httpx.get(f"{edge.url}/sandbox")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "location.origin + '/graphql'" in page.text


def test_the_explorer_comes_through_compressed(edge: Process) -> None:
    page = httpx.get(f"{edge.url}/graphql", headers={"accept": "text/html"})
    assert page.headers["content-encoding"] == "gzip"
    assert "<title>Supergraph</title>" in page.text


def test_metrics_are_the_edges_own(edge: Process) -> None:
    assert "envoy_cluster_upstream_rq_total" in httpx.get(f"{edge.url}/metrics").text


def test_answers_carry_security_headers_and_do_not_name_the_server(edge: Process) -> None:
    for path in ("/health", "/nope", "/api/v1/products", "/graphql"):
        headers = httpx.get(edge.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert not headers.keys() & {"server", "x-powered-by", "x-envoy-upstream-service-time"}


# ---- tokens --------------------------------------------------------------------------------------------------


def test_a_good_token_passes_on_to_the_subgraph(edge: Process) -> None:
    good = token()
    assert httpx.post(f"{edge.url}/graphql", json=ME, headers=bearer(good)).json()["data"] == {
        "me": {"username": "ada"}
    }
    assert SEEN["users"].requests[-1]["authorization"] == f"Bearer {good}"


BAD = {
    "expired": token(expires_in=-60),
    "forged": token(Ed25519PrivateKey.generate()),
    "for another audience": token(audience="elsewhere"),
    "malformed": "nonsense",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused_in_the_shape_of_what_was_asked(edge: Process, rest: Rest, bad: str) -> None:
    asked = len(rest.requests)
    response = httpx.post(f"{edge.url}/graphql", json=ME, headers=bearer(bad))
    assert graphql_error(response) == (401, "UNAUTHENTICATED")
    assert rest_error(httpx.get(f"{edge.url}/api/v1/users/profile", headers=bearer(bad))) == (
        401,
        "UNAUTHENTICATED",
    )
    assert SEEN["users"].requests == []
    assert len(rest.requests) == asked


@pytest.mark.parametrize("path", ["/register", "/login", "/refresh", ""])
def test_who_logs_in_or_refreshes_may_still_hold_an_expired_token(edge: Process, path: str) -> None:
    assert httpx.post(f"{edge.url}/api/v1/users{path}", headers=bearer(BAD["expired"])).status_code == 200


def test_without_users_the_edge_starts_serves_anonymous_requests_and_recovers(
    start_edge: Starter, ports: Ports, execute: Execute
) -> None:
    users = ports.free()
    edge = start_edge(USERS_PORT=users)
    assert "errors" not in execute(edge, "{ product(id: 1) { id } }").json()
    response = httpx.post(f"{edge.url}/graphql", json=ME, headers=bearer(token()))
    assert graphql_error(response) == (503, "UNAVAILABLE")
    response = httpx.get(f"{edge.url}/api/v1/users/profile", headers=bearer(token()))
    assert rest_error(response) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "2"

    subgraph = Subgraph("users", users)
    subgraph.start()

    try:
        deadline = time.monotonic() + 30
        while httpx.post(f"{edge.url}/graphql", json=ME, headers=bearer(token())).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        subgraph.stop()
    # Keys once known outlive an outage.
    assert httpx.post(f"{edge.url}/graphql", json=ME, headers=bearer(token())).status_code == 200


# ---- limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_refused(edge: Process, *, chunked: bool) -> None:
    body = b"x" * (MAX_BODY + 1)

    def send(path: str) -> httpx.Response:
        return httpx.post(edge.url + path, content=iter([body]) if chunked else body)

    assert graphql_error(send("/graphql")) == (413, "PAYLOAD_TOO_LARGE")
    assert rest_error(send("/api/v1/products")) == (413, "PAYLOAD_TOO_LARGE")


def test_past_the_rate_limit_an_address_waits_and_probes_do_not_count(
    start_edge: Starter,
) -> None:
    edge = start_edge(RATE_LIMIT_PER_MINUTE=1, RATE_LIMIT_BURST=3)
    answers = [httpx.post(f"{edge.url}/graphql", json=ME) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert graphql_error(answers[-1]) == (429, "RATE_LIMITED")
    refused = httpx.get(f"{edge.url}/api/v1/products")
    assert rest_error(refused) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"
    assert httpx.get(f"{edge.url}/health").status_code == 200
    assert httpx.get(f"{edge.url}/docs").status_code == 200
    # The limit is the connection's address, not what the client says it is.
    spoofed = httpx.get(f"{edge.url}/api/v1/products", headers={"x-forwarded-for": "203.0.113.9"})
    assert spoofed.status_code == 429


def test_past_the_limit_of_its_account_a_client_waits_wherever_it_calls_from(start_edge: Starter) -> None:
    edge = start_edge(ACCOUNT_RATE_LIMIT_PER_MINUTE=2, TRUSTED_HOPS=1)

    def ask(path: str, account: str | None, address: str) -> httpx.Response:
        headers = {"x-forwarded-for": address, **(bearer(token(subject=account)) if account else {})}
        return httpx.post(edge.url + path, json=ME, headers=headers)

    asked = [ask("/graphql", "a", f"192.0.2.{n}") for n in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert graphql_error(asked[-1]) == (429, "RATE_LIMITED")
    refused = ask("/api/v1/orders", "a", "192.0.2.9")
    assert rest_error(refused) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"
    # Another account, and whoever has none, are not slowed down by it.
    assert ask("/graphql", "b", "192.0.2.0").status_code == 200
    assert [ask("/graphql", None, "192.0.2.0").status_code for _ in range(4)] == [200] * 4
    edge.stop()


@pytest.mark.parametrize(
    "path", ["/ready", "/.well-known/jwks.json", "/docs", "/redoc", "/openapi.json", "/metrics"]
)
def test_what_is_answered_behind_the_edge_has_a_limit_of_its_own(start_edge: Starter, path: str) -> None:
    edge = start_edge(RATE_LIMIT_PER_MINUTE=1, RATE_LIMIT_BURST=2)
    answers = [httpx.get(f"{edge.url}{path}?n={n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert rest_error(answers[-1]) == (429, "RATE_LIMITED")
    # The API is not slowed down by it, and what the edge answers itself has no limit.
    assert httpx.post(f"{edge.url}/graphql", json=ME).status_code == 200
    assert [httpx.get(f"{edge.url}/health").status_code for _ in range(4)] == [200] * 4
    edge.stop()


# ---- the client's address --------------------------------------------------------------------------------------

SPOOFED = {
    "x-client-address": "198.51.100.1",
    "x-forwarded-for": "198.51.100.2, 198.51.100.3",
    "x-real-ip": "198.51.100.4",
    "forwarded": "for=198.51.100.5",
    "true-client-ip": "198.51.100.6",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "1",
    "x-forwarded-prefix": "/evil",
}


def test_services_learn_the_address_that_the_edge_saw_and_none_that_the_client_wrote(
    edge: Process, execute: Execute, rest: Rest
) -> None:
    execute(edge, "{ product(id: 1) { id } }", headers=SPOOFED)
    assert SEEN["products"].requests[-1]["x-client-address"] == "127.0.0.1"
    httpx.get(f"{edge.url}/api/v1/products", headers=SPOOFED)
    _, _, headers = rest.requests[-1]
    assert headers["x-client-address"] == "127.0.0.1"
    assert not headers.keys() & (SPOOFED.keys() - {"x-client-address", "x-forwarded-for"})


@pytest.mark.parametrize(("hops", "address"), [(1, "198.51.100.3"), (2, "198.51.100.2")])
def test_behind_trusted_hops_the_client_is_who_they_say_called(
    start_edge: Starter, execute: Execute, hops: int, address: str
) -> None:
    edge = start_edge(TRUSTED_HOPS=hops, RATE_LIMIT_PER_MINUTE=1, RATE_LIMIT_BURST=1)
    assert execute(edge, "{ product(id: 1) { id } }", headers=SPOOFED).status_code == 200
    assert SEEN["products"].requests[-1]["x-client-address"] == address
    # Each client has a bucket of its own.
    assert execute(edge, "{ product(id: 1) { id } }", headers=SPOOFED).status_code == 429
    others = {"x-forwarded-for": "203.0.113.1, 203.0.113.2"}
    assert execute(edge, "{ product(id: 1) { id } }", headers=others).status_code == 200
    edge.stop()


# ---- retries -------------------------------------------------------------------------------------------------


def test_reads_are_retried_and_writes_are_not(edge: Process, rest: Rest) -> None:
    def attempts(method: str) -> int:
        before = len(rest.requests)
        assert httpx.request(method, f"{edge.url}/api/v1/broken").status_code == 503
        return len(rest.requests) - before

    assert {method: attempts(method) for method in ("GET", "POST", "PUT", "DELETE")} == {
        "GET": 3,
        "POST": 1,
        "PUT": 1,
        "DELETE": 1,
    }


def test_a_client_cannot_ask_for_retries(edge: Process, rest: Rest) -> None:
    before = len(rest.requests)
    asked = {"x-envoy-retry-on": "5xx", "x-envoy-max-retries": "5"}
    httpx.post(f"{edge.url}/api/v1/broken", headers=asked)
    assert len(rest.requests) - before == 1


def test_what_stands_behind_being_down_is_unavailable(start_edge: Starter, ports: Ports) -> None:
    edge = start_edge(ROUTER_PORT=ports.free(), REST_PORT=ports.free())
    response = httpx.post(f"{edge.url}/graphql", json=ME)
    assert graphql_error(response) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "2"
    assert rest_error(httpx.get(f"{edge.url}/api/v1/products")) == (503, "UNAVAILABLE")
    assert rest_error(httpx.get(f"{edge.url}/ready")) == (503, "UNAVAILABLE")
    assert httpx.get(f"{edge.url}/health").status_code == 200


# ---- streams, browsers, logs ---------------------------------------------------------------------------------


def test_rest_events_come_through_as_they_are_sent(edge: Process) -> None:
    with httpx.stream("GET", f"{edge.url}/api/v1/orders/1/events", timeout=5) as response:
        assert next(response.iter_lines()) == "data: first"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://studio.apollographql.com", True), ("https://studio.apollographql.com.evil", False)],
)
def test_cors_lets_in_the_named_origins_only(edge: Process, origin: str, *, allowed: bool) -> None:
    preflight = {"origin": origin, "access-control-request-method": "POST"}
    answer = httpx.options(f"{edge.url}/graphql", headers=preflight)
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    # A browser must be able to read the refusal too.
    refused = httpx.post(f"{edge.url}/graphql", json=ME, headers={"origin": origin, **bearer("nonsense")})
    assert refused.status_code == 401
    assert (refused.headers.get("access-control-allow-origin") == origin) is allowed


async def test_the_access_log_is_one_json_object_per_request_without_secrets(
    edge: Process, wait_until: WaitUntil
) -> None:
    good = token()
    headers = {**bearer(good), "x-request-id": "logged"}
    async with httpx.AsyncClient() as http:
        await http.post(f"{edge.url}/graphql?token=s3cret", json=ME, headers=headers)
    await wait_until(lambda: '"request_id":"logged"' in edge.log())
    (line,) = [line for line in edge.log().splitlines() if '"request_id":"logged"' in line]
    entry: dict[str, Any] = json.loads(line)
    assert (
        entry.items()
        >= {
            "service": "edge",
            "event": "request",
            "method": "POST",
            "path": "/graphql",
            "status": 200,
            "upstream": "router",
            "user": "1",
            "attempts": 1,
        }.items()
    )
    assert isinstance(entry["duration_ms"], int)
    assert good not in edge.log()
    assert "s3cret" not in edge.log()


def test_a_malformed_request_gets_400_and_the_edge_lives_on(edge: Process) -> None:
    with socket.create_connection(("127.0.0.1", int(edge.url.rpartition(":")[2])), timeout=5) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nnonsense\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    assert httpx.get(f"{edge.url}/health").status_code == 200
