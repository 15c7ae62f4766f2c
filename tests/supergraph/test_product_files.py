"""`supergraph products` on the running system."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

COMMAND = [str(Path(sys.executable).with_name("supergraph")), "products"]


async def run(
    supergraph: dict[str, Any], folder: Path, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """The command, typed in `folder`."""
    return await asyncio.to_thread(
        subprocess.run,
        [*COMMAND, "--data", supergraph["data"], *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def sku() -> str:
    return f"FILE-{uuid4().hex[:8]}"


async def test_products_of_a_file_are_sold_at_the_edge(
    supergraph: dict[str, Any], http: httpx.AsyncClient, tmp_path: Path, sku: str
) -> None:
    (tmp_path / "mugs.csv").write_text(
        f"sku,name,price,stock,category\n{sku},Mug {sku},12.5,4,Of a file\n,No,1,,\n"
    )
    done = await run(supergraph, tmp_path, "import", "mugs.csv", "--refused", "refused.csv")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("1 created, 0 updated, 0 unchanged, 1 refused: 2 lines in ")
    assert done.stderr.startswith("line 3: sku takes 1 to 64")
    assert (tmp_path / "refused.csv").read_text().splitlines()[1].startswith("3,,")

    query = "query ($sku: String) { product(sku: $sku) { name price { amount currency } stock category { name } } }"
    answer = await http.post("/graphql", json={"query": query, "variables": {"sku": sku}})
    assert answer.json()["data"]["product"] == {
        "name": f"Mug {sku}",
        "price": {"amount": "12.50", "currency": "USD"},
        "stock": 4,
        "category": {"name": "Of a file"},
    }


async def test_what_one_command_writes_the_other_reads(
    supergraph: dict[str, Any], tmp_path: Path, sku: str
) -> None:
    line = json.dumps({"sku": sku, "name": "Mug", "price": "1.00"})
    taken = await run(supergraph, tmp_path, "import", "-", "--format", "jsonl", stdin=line)
    assert (taken.returncode, taken.stderr) == (0, "")
    written = await run(supergraph, tmp_path, "export", "-", "--format", "jsonl", "--active")
    assert written.returncode == 0, written.stderr
    mine = [found for found in map(json.loads, written.stdout.splitlines()) if found.get("sku") == sku]
    assert mine == [
        {
            "sku": sku,
            "name": "Mug",
            "description": None,
            "price": "1.00",
            "currency": "USD",
            "stock": 0,
            "category": None,
            "tags": [],
            "active": True,
        }
    ]
    (tmp_path / "all.jsonl").write_text(written.stdout)
    again = await run(supergraph, tmp_path, "import", "all.jsonl")
    assert again.stdout.startswith("0 created, 0 updated, "), again.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "nowhere.csv"), "nowhere.csv: No such file or directory"),
        pytest.param(
            ("import", "nowhere.txt"), "nowhere.txt: No such file or directory", marks=pytest.mark.long
        ),
        (("import", "-"), "say which format"),
        pytest.param(
            ("export", "no/folder.csv"), "folder.csv: No such file or directory", marks=pytest.mark.long
        ),
    ],
)
async def test_fault_is_named(
    supergraph: dict[str, Any], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = await run(supergraph, tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("products: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_needs_no_running_system(tmp_path: Path) -> None:
    command = [*COMMAND, "--data", str(tmp_path), "import", "--help"]
    shown = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: supergraph products import ")
    assert "zcat catalogue.jsonl.gz | supergraph products import - --format jsonl" in shown
    missing = subprocess.run(
        [*COMMAND, "--data", str(tmp_path), "import", "x.csv"],
        env={k: v for k, v in os.environ.items() if k != "PRODUCTS_DATABASE_URL"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert missing.returncode == 1
    assert missing.stderr.startswith(f"supergraph: No supergraph runs on {tmp_path}. Start it")
