"""`supergraph up` from outside: what a person does to it, and what is left afterwards."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.local.children import ROOT
from deploy.local.engines import Mongo
from deploy.local.process.probes import redis_pong
from tests.deploy.conftest import Launcher, eventually, gone

Up = Callable[..., Launcher]
STORE = ("--only", "redis")


def state_of(path: Path) -> dict:
    return json.loads(path.read_text())


def test_engines_serve_and_ctrl_c_leaves_nothing(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    launcher = up("--only", "engines", "--data", str(data), "--state", str(state))
    launcher.wait_for(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    said = state_of(state)
    assert said["pid"] == launcher.process.pid
    assert {name for name, child in said["children"].items() if child["pid"]} == {
        "postgres",
        "redis",
        "mongo",
    }
    assert said["children"]["users"]["env"]["USERS_DATABASE_URL"] == said["addresses"]["users_database"]
    pids = launcher.descendants()
    assert len(pids) >= 3
    code, output = launcher.finish(signal.SIGINT)
    assert code == 0
    assert "Everything is stopped." in output
    assert said["addresses"]["orders_database"] in output
    assert [pid for pid in pids if not gone(pid)] == []
    assert not state.exists()


def test_nothing_outlives_a_launcher_that_is_killed(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    launcher = up("--only", "engines", "--data", str(data), "--state", str(state))
    launcher.wait_for(state)
    pids = launcher.descendants()
    assert len(pids) >= 3
    launcher.process.kill()
    eventually(lambda: all(gone(pid) for pid in pids), within=10)
    again = up("--only", "postgres,redis", "--data", str(data), "--state", str(state), "--no-logs")
    eventually(lambda: state.exists() and state_of(state)["pid"] == again.process.pid)
    assert again.finish(signal.SIGTERM)[0] == 0


def test_a_killed_child_is_told_and_started_again_on_its_port(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    launcher = up(*STORE, "--data", str(data), "--state", str(state))
    launcher.wait_for(state)
    before = state_of(state)
    os.kill(before["children"]["redis"]["pid"], signal.SIGKILL)
    eventually(
        lambda: state_of(state)["children"]["redis"]["pid"] not in {None, before["children"]["redis"]["pid"]}
    )
    after = state_of(state)
    assert after["addresses"] == before["addresses"]
    redis_pong("127.0.0.1", int(after["addresses"]["users_redis"].rpartition(":")[2].partition("/")[0]))
    _, output = launcher.finish(signal.SIGINT)
    assert "redis was killed by SIGKILL; it is started again in 0.5 s. Its last lines:" in output
    assert "redis is back after" in output


def test_a_second_one_on_the_same_folder_is_refused_with_the_ways_out(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    first = up(*STORE, "--data", str(data), "--state", str(state))
    first.wait_for(state)
    code, output = up(*STORE, "--data", str(data)).finish()
    assert code == 1
    assert f"runs on {data} already: process {first.process.pid}" in output
    assert f"`kill {first.process.pid}`" in output
    assert first.finish(signal.SIGINT)[0] == 0


def test_a_port_in_use_is_named_with_its_owner(up: Up, data: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = up(*STORE, "--data", str(data), "--redis-port", str(port)).finish()
    assert code == 1
    assert output == (
        f"supergraph: Port {port} is in use by {psutil.Process().name()} (process {os.getpid()}). Stop it, "
        "or choose another for the redis: --redis-port PORT (0 = any free one).\n"
    )


def test_a_fresh_start_says_what_it_deletes(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    first = up(*STORE, "--data", str(data), "--state", str(state))
    first.wait_for(state)
    first.finish(signal.SIGINT)
    token = (data / "services.token").read_text()
    second = up(*STORE, "--data", str(data), "--state", str(state), "--fresh")
    second.wait_for(state)
    _, output = second.finish(signal.SIGINT)
    assert f"Fresh start: deleting {data}/redis, " in output
    assert (data / "services.token").read_text() != token


def test_it_ends_with_the_process_it_is_tied_to(data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    with subprocess.Popen(["sleep", "600"]) as tied:
        command = [sys.executable, "-m", "deploy.local.cli", "up", *STORE, "--exit-with", str(tied.pid)]
        with subprocess.Popen(
            [*command, "--data", str(data), "--state", str(state)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as launcher:
            eventually(lambda: state.exists() or launcher.poll() is not None)
            tied.kill()
            tied.wait()
            output, _ = launcher.communicate(timeout=30)
    assert launcher.returncode == 0
    assert f"Process {tied.pid} is gone (--exit-with)." in output


def test_a_store_of_ours_that_is_replaced_is_not_started(up: Up, data: Path):
    code, output = up(*STORE, "--data", str(data), env={"REDIS_URL": "redis://127.0.0.1:1/0"}).finish()
    assert code == 1
    assert (
        output
        == "supergraph: Nothing is left to start: every engine chosen is replaced by an address of yours.\n"
    )


def test_sigint_stops_it_though_its_shell_ignores_it(data: Path, tmp_path: Path):
    """As a shell without job control does to what it starts in the background."""
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "deploy.local.cli", "up", *STORE, "--exit-with", str(os.getpid())]
    with subprocess.Popen(
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command, "--data", str(data), "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as launcher:
        eventually(lambda: state.exists() or launcher.poll() is not None)
        pid = state_of(state)["children"]["redis"]["pid"]
        launcher.send_signal(signal.SIGINT)
        output, _ = launcher.communicate(timeout=30)
    assert launcher.returncode == 0
    assert "Everything is stopped." in output
    assert gone(pid)


def test_the_document_store_that_runs_is_named(up: Up, data: Path, tmp_path: Path):
    state = tmp_path / "state.json"
    launcher = up("--only", "mongo", "--data", str(data), "--state", str(state))
    launcher.wait_for(state)
    _, output = launcher.finish(signal.SIGTERM)
    assert f"MongoDB protocol {Mongo(data).server.label}" in " ".join(output.split())


def test_a_document_store_that_cannot_read_the_folder_says_so_and_leaves_it(up: Up, data: Path):
    kept = data / "mongo" / "mongod" / "WiredTiger"
    kept.parent.mkdir(parents=True)
    kept.write_text("WiredTiger 11.3.1")
    options = ("--only", "mongo", "--mongo-server", "secantusd-rs", "--data", str(data))
    code, output = up(*options).finish()
    assert code == 1
    assert f"The documents in {data}/mongo/mongod were written by mongod, and secantusd-rs" in output
    assert "They stay as they are. Go on with the server that wrote them (--mongo-server mongod)" in output
    assert kept.read_text() == "WiredTiger 11.3.1"


def test_an_unknown_relaxation_stops_the_start(up: Up, data: Path):
    code, output = up(*STORE, "--data", str(data), "--allow", "common-password").finish()
    assert code == 1
    assert output == (
        "supergraph: There is nothing called 'common-password' to allow. Did you mean common-passwords?\n"
    )


def test_ctrl_c_during_the_start_leaves_nothing(up: Up, data: Path):
    launcher = up("--only", "engines", "--data", str(data))
    eventually(launcher.descendants)
    pids = launcher.descendants()
    code, _ = launcher.finish(signal.SIGINT)
    assert code == 0
    assert [pid for pid in pids if not gone(pid)] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--edge-port", "70000"], "'70000' is not a port: a number from 1 to 65535, or 0 for any free one"),
        (["--exit-with", "x"], "'x' is not a process id"),
        (["--logs", "users", "--no-logs"], "not allowed with argument"),
    ],
)
def test_a_bad_option_is_refused_in_words(options: list[str], said: str):
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local.cli", "up", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
