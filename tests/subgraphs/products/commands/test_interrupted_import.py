"""An import as a process that is killed in the middle, and large files."""

import asyncio
import getpass
import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from subgraphs.kit.mongo.client import Database
from tests.harness.launcher import ROOT

_PEAK = """
import resource, runpy, sys
try:
    runpy.run_module("subgraphs.products", run_name="__main__", alter_sys=True)
finally:
    sys.stderr.write(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n")
"""

pytestmark = pytest.mark.usefixtures("empty")


def catalogue(path: Path, lines: int) -> Path:
    text = "A description. " * 20
    rows = (
        f'BIG-{n},Product {n},{text},{n % 90 + 10}.50,USD,{n % 50},Big > Part {n % 7},"a\\,b"\n'
        for n in range(lines)
    )
    with path.open("w") as file:
        file.write("sku,name,description,price,currency,stock,category,tags\n")
        file.writelines(rows)
    return path


async def start(url: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PEAK,
        "products",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PRODUCTS_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process) -> tuple[str, str]:
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode(), err.decode()


async def end_in_the_middle(
    process: asyncio.subprocess.Process, database: Database, number: signal.Signals
) -> int:
    """Send the signal once some lines are in; returns how many were in the end."""
    async with asyncio.timeout(60):
        # A poll: another process writes.
        while await database["products"].count_documents({}) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    process.send_signal(number)
    await process.wait()
    return int(await database["products"].count_documents({}))


async def created_events(database: Database) -> Counter[str]:
    """How often each product was announced as created."""
    found: Counter[str] = Counter()
    async for document in database["products"].find({}, {"sku": 1, "outbox": 1}):
        for entry in document["outbox"]:
            data = json.loads(entry["envelope"])["data"]
            assert (data["change"], data["actor"]) == ("created", f"command line of {getpass.getuser()}")
            found[document["sku"]] += 1
    return found


async def test_import_that_was_killed_is_finished_by_the_next(database, engines, tmp_path) -> None:
    file, lines = catalogue(tmp_path / "big.csv", 3000), 3000
    url = f"{engines.mongo.rpartition('/')[0]}/{database.name}"
    before = await end_in_the_middle(await start(url, "import", str(file)), database, signal.SIGKILL)
    out, _ = await finished(await start(url, "import", str(file)))
    created, updated, unchanged, refused = (
        int(n.replace(",", "")) for n in re.findall(r"([\d,]+) [a-z]+", out)[:4]
    )
    # The store may have taken the batch whose sender was killed after we counted.
    assert 0 < before <= unchanged < lines
    assert (created, updated, refused) == (lines - unchanged, 0, 0)
    assert await created_events(database) == {f"BIG-{n}": 1 for n in range(lines)}
    assert await database["categories"].count_documents({}) == 8


async def test_interrupted_import_says_so_by_its_status(database, engines, tmp_path) -> None:
    file = catalogue(tmp_path / "big.csv", 12_000)
    url = f"{engines.mongo.rpartition('/')[0]}/{database.name}"
    process = await start(url, "import", str(file))
    assert await end_in_the_middle(process, database, signal.SIGINT) < 12_000
    assert process.stderr is not None
    assert process.returncode == 130
    assert b"Traceback" not in await process.stderr.read()


async def test_reader_that_has_seen_enough_ends_the_export(database, engines, tmp_path) -> None:
    # More than a pipe holds.
    url = f"{engines.mongo.rpartition('/')[0]}/{database.name}"
    await finished(await start(url, "import", str(catalogue(tmp_path / "some.csv", 1000))))
    process = await start(url, "export", "-", "--format", "jsonl")
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(await process.stdout.readline())["type"] == "category"
    process.stdout._transport.close()
    assert await process.wait() == 1
    assert b"Traceback" not in await process.stderr.read()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_large_file_goes_in_and_out_in_bounded_memory(database, engines, tmp_path) -> None:
    url = f"{engines.mongo.rpartition('/')[0]}/{database.name}"
    small = catalogue(tmp_path / "small.csv", 500)
    large = catalogue(tmp_path / "large.csv", 20_000)
    peaks = []
    for file, target in ((small, "small"), (large, "large")):
        _, said = await finished(await start(url, "import", str(file)))
        peaks.append(int(said.split("peak ")[1]))
        _, said = await finished(await start(url, "export", str(tmp_path / f"{target}.jsonl")))
        peaks.append(int(said.split("peak ")[1]))
    assert sum(1 for _ in (tmp_path / "large.jsonl").open()) == 20_000 + 8
    assert await created_events(database) == {f"BIG-{n}": 1 for n in range(20_000)}
    # In KiB. The file has 7 MB; what grows is the list of SKUs that were seen.
    assert peaks[2] - peaks[0] < 24 * 1024
    assert peaks[3] - peaks[1] < 24 * 1024
