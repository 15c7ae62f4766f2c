import io
from pathlib import Path

from rich.console import Console

from deploy.local.addresses import summary
from deploy.local.components import SUBGRAPHS
from deploy.local.topology import External, Topology


def test_what_is_wider_than_the_terminal_is_not_cut():
    topology = Topology(
        started=frozenset({"users", "postgres"}),
        external=External({}, {}),
        edge_host="127.0.0.1",
        http={"users": 4001},
        grpc={"users": 5001},
        stores={},
        admin=1,
    )
    urls = {
        name: {"database": f"postgresql://me:secret@db/{name}", "redis": "redis://r"} for name in SUBGRAPHS
    }
    output = io.StringIO()
    shown = summary(topology, urls, {"Open to": "x" * 100}, data=Path("/data"), seconds=1.26, pid=4711)
    Console(file=output, width=40, soft_wrap=True).print(shown)
    assert output.getvalue() == (
        "\nReady in 1.3 s\n\n"
        "Subgraph users   http://127.0.0.1:4001/graphql, gRPC 127.0.0.1:5001\n"
        "Store of users   postgresql://me:***@db/users\n"
        "Store of orders  postgresql://me:***@db/orders\n"
        "Redis            redis://r\n"
        f"Open to          {'x' * 100}\n"
        "Data             /data\n"
        "Logs             /data/logs\n"
        "\nCtrl-C, or `kill 4711`, stops everything; the data stay.\n\n"
    )
