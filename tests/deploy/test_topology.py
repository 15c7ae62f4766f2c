import os
import socket
from pathlib import Path

import pytest

from deploy.local.children import ROOT, engines, store_urls
from deploy.local.components import COMPONENTS, ENGINES, SUBGRAPHS, ComponentError, processes_of, select
from deploy.local.environment import Secrets, edge_values, of_process, settings
from deploy.local.ports import PortError, Ports
from deploy.local.topology import External, Topology, ignored_names, plan

EXTERNAL = {
    "USERS_DATABASE_URL": "postgresql://db/users",
    "ORDERS_DATABASE_URL": "postgresql://db/orders",
    "REDIS_URL": "redis://cache:6379/0",
}


def planned(*, only=(), without=(), environ=None, scale=None, **wanted: int | None) -> Topology:
    ports = Ports()
    try:
        return plan(
            select(only=only, without=without),
            external=External.read(environ or {}),
            wanted={"edge": 0, "router": 0, **wanted},
            ports=ports,
            edge_host="127.0.0.1",
            scale=scale,
        )
    finally:
        ports.release()


def made_for(topology: Topology, folder: Path, environ: dict[str, str]) -> dict[str, dict[str, str]]:
    """The settings of each process, with data in `folder`."""
    return settings(
        topology,
        store_urls(topology, engines(topology, folder)),
        secrets=Secrets(token="t", keys=folder, router="r"),
        relaxations=[],
        log_level="info",
        root=folder,
        environ=environ,
    )


def test_everything_is_chosen_by_default():
    assert select(only=(), without=()) == set(COMPONENTS)


def test_a_chosen_subgraph_brings_its_engines():
    assert select(only=["users"], without=()) == {"users", "postgres", "redis"}
    assert select(only=["products"], without=()) == {"products", "mongo", "redis"}


def test_groups_stand_for_their_members():
    assert select(only=["engines"], without=["mongo"]) == {"postgres", "redis"}


def test_an_unknown_part_is_refused_with_the_near_one():
    with pytest.raises(ComponentError, match=r"There is no component 'user'\. Did you mean users\?"):
        select(only=["user"], without=())


@pytest.mark.parametrize(("without", "queries"), [((), "apollo"), (["apollo"], "router")])
def test_the_edge_sends_queries_to_the_chosen_router_and_the_rest_to_hive(tmp_path, without, queries):
    topology = planned(without=without)
    values = edge_values(topology, {}, relaxations=[], root=ROOT, data=tmp_path)
    assert topology.queries == queries
    assert values["ROUTER_PORT"] == str(topology.http[queries])
    assert values["SUBSCRIPTIONS_PORT"] == str(topology.http["router"])


def test_nothing_left_is_refused():
    with pytest.raises(ComponentError, match="Nothing is left"):
        select(only=["edge"], without=["edge"])


def test_a_store_whose_address_is_set_is_not_started():
    topology = planned(environ=EXTERNAL)
    assert topology.started & set(ENGINES) == {"mongo"}
    assert topology.uses("users") == ()
    assert topology.uses("products") == ("mongo",)


def test_a_store_that_one_service_still_needs_is_started():
    topology = planned(
        environ={"USERS_DATABASE_URL": "postgresql://db/users", "USERS_REDIS_URL": "redis://cache"}
    )
    assert topology.started >= set(ENGINES)
    assert topology.uses("orders") == ("postgres", "redis")


def test_a_subgraph_without_its_store_is_refused_with_the_ways_out():
    with pytest.raises(
        ComponentError, match=r"users needs postgres.*set USERS_DATABASE_URL.*--postgres-port PORT"
    ):
        planned(only=["users"], without=["postgres"])
    assert planned(only=["users"], without=["postgres"], postgres=5432).stores["postgres"] == 5432


def test_a_part_of_somebody_else_is_expected_on_its_documented_port():
    topology = planned(without=["users"])
    assert (topology.http["users"], topology.grpc["users"]) == (4001, 5001)
    assert planned(without=["users"], users=4100).http["users"] == 4100


def test_a_taken_edge_port_is_an_error_and_a_taken_router_port_a_notice():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} is in use .* --edge-port"):
            planned(edge=port)
        with pytest.raises(PortError, match=f"Port {port} is in use .* --router-port"):
            planned(router=port)


def test_the_preferred_router_port_gives_way(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("deploy.local.topology.HTTP_PORTS", {"router": port})
        topology = planned(only=["router"], router=None)
    assert topology.http["router"] != port
    assert topology.notices == (
        f"Port {port} is in use by {_name()}: the router is on {topology.http['router']} (--router-port chooses another).",
    )


def test_shared_names_that_replace_nothing_are_told():
    assert ignored_names({"REDIS_HOST": "cache"}) == [
        "REDIS_HOST is set but does not replace an engine here: set REDIS_URL."
    ]


def test_a_shared_database_name_is_told_and_gives_no_service_the_database_of_another(tmp_path):
    environ = {"DB_NAME": "shop"}
    [told] = ignored_names(environ)
    assert told == (
        "DB_NAME is set but does not replace an engine here: set USERS_DATABASE_URL, ORDERS_DATABASE_URL or "
        "PRODUCTS_DATABASE_URL, each with a database of its own."
    )
    topology = planned(environ=environ)
    made = made_for(topology, tmp_path, environ)
    postgres, mongo = topology.stores["postgres"], topology.stores["mongo"]
    assert {name: made[name][f"{name.upper()}_DATABASE_URL"] for name in SUBGRAPHS} == {
        "users": f"postgresql://supergraph@127.0.0.1:{postgres}/users",
        "products": f"mongodb://127.0.0.1:{mongo}/products",
        "orders": f"postgresql://supergraph@127.0.0.1:{postgres}/orders",
    }


@pytest.mark.parametrize(
    ("environ", "provider"),
    [
        ({}, "sandbox"),
        ({"ORDERS_PAYMENTS_PROVIDER": "stripe"}, "stripe"),
        ({"ORDERS_DATABASE_URL": "postgresql://db/orders"}, None),
        (
            {"ORDERS_DATABASE_URL": "postgresql://db/orders", "ORDERS_PAYMENTS_PROVIDER": "sandbox"},
            "sandbox",
        ),
    ],
)
def test_the_sandbox_takes_payments_for_orders_of_its_own_and_for_no_others_unless_named(
    tmp_path, environ: dict[str, str], provider: str | None
):
    topology = planned(environ=environ)
    made = made_for(topology, tmp_path, environ)
    assert made["orders"].get("ORDERS_PAYMENTS_PROVIDER") == provider


def test_one_database_for_two_subgraphs_is_refused():
    url = "postgresql://db/shop"
    with pytest.raises(ComponentError, match="USERS_DATABASE_URL and ORDERS_DATABASE_URL name the same"):
        planned(environ={"USERS_DATABASE_URL": url, "ORDERS_DATABASE_URL": url})


def test_settings_follow_the_layout_and_the_environment_goes_before(tmp_path):
    topology = planned(environ={"ORDERS_DATABASE_URL": "postgresql://db/orders"})
    urls = {
        name: {"database": f"db-{name}", "redis": "redis://r"} for name in ("users", "products", "orders")
    }
    made = settings(
        topology,
        urls,
        secrets=Secrets(token="t", keys=tmp_path, router="r"),
        relaxations=[],
        log_level="info",
        root=tmp_path,
        environ={
            "ORDERS_LOGGING_FORMAT": "json",
            "ORDERS_SERVER_PORT": "1",
            "ROUTER_TIMEOUT": "3s",
            "EVENTS_URL": "amqp://broker",
        },
    )
    # Told to those who look up how a service runs, as `supergraph events` does.
    assert {made[name]["EVENTS_URL"] for name in SUBGRAPHS} == {"amqp://broker"}
    assert made["orders"]["ORDERS_LOGGING_FORMAT"] == "json"
    assert made["orders"]["ORDERS_SERVER_PORT"] == str(topology.http["orders"])
    assert made["orders"]["ORDERS_SERVICES_PRODUCTS_GRPC"] == f"127.0.0.1:{topology.grpc['products']}"
    assert made["rest"]["REST_SERVICES_ROUTER"] == f"http://127.0.0.1:{topology.http['router']}"
    assert "REST_DATABASE_URL" not in made["rest"]
    assert "ROUTER_CORS_ORIGINS" not in made["router"]
    for component in (*SUBGRAPHS, "router", "apollo"):
        assert made[component]["ROUTER_SECRET"] == "r"
    assert "ROUTER_SECRET" not in made["rest"]


def test_a_secret_of_the_router_in_a_file_is_left_to_those_who_read_it(tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    topology = planned()
    made = settings(
        topology,
        store_urls(topology, engines(topology, tmp_path)),
        secrets=Secrets(token="t", keys=tmp_path, router="r"),
        relaxations=[],
        log_level="info",
        root=tmp_path,
        environ={"ROUTER_SECRET_FILE": str(tmp_path / "secret"), "ROUTER_INTROSPECTION": "false"},
    )
    assert made["apollo"]["ROUTER_SECRET"] == "from a file"
    assert not any("ROUTER_SECRET" in made[component] for component in (*SUBGRAPHS, "router"))
    assert made["apollo"]["ROUTER_REDACT_VALIDATION"] == "true"


def _name() -> str:
    with open(f"/proc/{os.getpid()}/comm") as comm:  # noqa: PTH123 - a kernel file
        return f"{comm.read().strip()} (process {os.getpid()})"


def test_several_processes_are_reached_at_one_address_and_listen_on_ports_of_their_own(tmp_path):
    topology = planned(scale={"products": 2, "rest": 1})
    first, second = topology.processes("products")
    assert topology.names(["balancer", "users", "products", "rest"]) == (
        "balancer",
        "users",
        "products-1",
        "products-2",
        "rest-1",
    )
    ports = {
        topology.http["products"],
        topology.grpc["products"],
        first.http,
        first.grpc,
        second.http,
        second.grpc,
    }
    assert len(ports) == 6
    made = made_for(topology, tmp_path, {})
    assert made["router"]["ROUTER_PRODUCTS_URL"] == f"http://127.0.0.1:{topology.http['products']}/graphql"
    assert made["orders"]["ORDERS_SERVICES_PRODUCTS_GRPC"] == f"127.0.0.1:{topology.grpc['products']}"
    env = of_process("products", second, made["products"])
    assert (env["PRODUCTS_SERVER_PORT"], env["PRODUCTS_SERVER_GRPC_PORT"]) == (
        str(second.http),
        str(second.grpc),
    )
    assert [topology.component(name) for name in ("products-2", "users", "x-1")] == [
        "products",
        "users",
        "x-1",
    ]


def test_without_a_scale_there_is_no_balancer():
    topology = planned()
    assert "balancer" not in topology.started
    assert topology.processes("users")[0].http == topology.http["users"]


@pytest.mark.parametrize("wish", ["router=2", "users", "users=0", "users=9", "users=two", "=2"])
def test_a_scale_that_cannot_be_is_refused(wish):
    with pytest.raises(ComponentError, match=f"--scale {wish}: "):
        processes_of([wish])


def test_a_scale_of_what_is_not_started_is_refused():
    with pytest.raises(ComponentError, match="--scale names orders, which this start does not have"):
        planned(without=["orders"], scale={"orders": 2})
