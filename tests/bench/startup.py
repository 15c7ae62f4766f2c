"""From a command to the first answer; memory at rest; what is installed."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from tests.bench.report import Row, at_most
from tests.harness import launcher

_REST = 10.0
_COLD_PATIENCE = 600.0
_QUERY = {"query": "{ products(first: 1) { nodes { name } } }"}


def cold() -> list[Row]:
    """Clone, install with empty caches, start, first answer; and the size of what was installed."""
    with tempfile.TemporaryDirectory(prefix="supergraph-cold-", dir=launcher.ROOT.parent) as scratch:
        clone, state = Path(scratch) / "clone", Path(scratch) / "state.json"
        Path(scratch).chmod(0o755)
        subprocess.run(["git", "clone", "-q", launcher.ROOT, clone], check=True)
        env = {**os.environ, "UV_CACHE_DIR": f"{scratch}/uv", "npm_config_cache": f"{scratch}/npm"}
        env |= {"PIP_NO_CACHE_DIR": "1"}
        arguments = f"--edge-port 0 --router-port 0 --no-logs --state {state} --exit-with {os.getpid()}"
        started = time.monotonic()
        with (Path(scratch) / "log").open("wb") as log:
            process = subprocess.Popen(
                ["make", "up", f"ARGS={arguments}"], cwd=clone, env=env, stdout=log, stderr=log
            )
        try:
            while not state.exists():
                if process.poll() is not None or time.monotonic() - started > _COLD_PATIENCE:
                    raise RuntimeError((Path(scratch) / "log").read_text()[-4000:])
                time.sleep(0.1)
            _first_answer(state)
            seconds = time.monotonic() - started
        finally:
            launcher.stop(process.pid)
        python = _megabytes(clone / ".venv")
        size = _megabytes(clone / "router" / "hive" / "node_modules")
        return [
            at_most("make up, from clone to first answer, cold package cache", seconds, 120, "s"),
            at_most("installed size of the Python packages that make up needs", python, 600, "MB"),
            at_most("installed size of the router's packages", size, 200, "MB"),
        ]


def warm(folder: Path) -> list[Row]:
    """A first and a second start on one data folder, to the first answer through the edge."""
    rows = []
    for name, limit in (("first", None), ("second", 12.0)):
        state = folder / f"{name}.json"
        started = time.monotonic()
        env = {"ROUTER_SECRET": launcher.ROUTER_SECRET}
        process = launcher.launch(folder / "data", state, ["--edge-port", "0", "--router-port", "0"], env=env)
        launcher.wait_for(process, state)
        _first_answer(state)
        seconds = time.monotonic() - started
        if name == "first":
            launcher.stop(process.pid)
            rows.append(Row("first start on an empty data folder, to first answer", f"{seconds:.1f} s"))
        else:
            (launcher.folder() / "bench.pid").write_text(str(process.pid))
            rows.append(at_most("second start, to first answer", seconds, limit or 0, "s"))
    return rows


def idle(folder: Path) -> tuple[Path, list[Row]]:
    """Proportional memory of every process of the running system, after some seconds of rest."""
    state = folder / "second.json"
    time.sleep(_REST)
    launch = launcher.read(state)
    total = 0.0
    shares = []
    children = {name: child["pid"] for name, child in launch["children"].items() if child["pid"]}
    for name, pid in {**children, "launcher": launch["pid"]}.items():
        process = psutil.Process(pid)
        family = [process] if name == "launcher" else [process, *process.children(recursive=True)]
        share = sum(p.memory_full_info().pss for p in family) / 1e6
        total += share
        shares.append(f"{name} {share:.0f}")
    beside = ", ".join(sorted(shares, key=lambda s: -float(s.split()[-1])))
    return state, [at_most("idle memory of everything (PSS)", total, 1200, "MB", beside=beside)]


def _first_answer(state: Path) -> None:
    edge = launcher.read(state)["addresses"]["edge"]
    answer = httpx.post(f"{edge}/graphql", json=_QUERY, timeout=30)
    if answer.status_code != httpx.codes.OK or "errors" in answer.json():
        raise RuntimeError(f"the first answer is a fault: {answer.text}")


def _megabytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) / 1e6
