import resource
import shutil
import socket
from types import SimpleNamespace

import psutil
import pytest

from deploy.local.doctor import machine
from deploy.local.doctor.finding import Level

_MB = 1024 * 1024


def test_an_old_python_is_a_fault():
    assert machine.python((3, 11, 0)).level is Level.OK
    found = machine.python((3, 10, 12))
    assert (found.level, found.found) == (Level.FAULT, "Python 3.10.12")
    assert found.remedy == "Install Python 3.11 or newer, then: make install"


def test_a_machine_that_the_engines_have_no_packages_for_is_a_fault():
    assert machine.architecture("Linux", "x86_64").level is Level.OK
    assert machine.architecture("Linux", "riscv64").level is Level.FAULT


def test_a_full_disk_is_a_fault_that_names_the_folder(tmp_path, monkeypatch):
    assert machine.disk(tmp_path / "not" / "yet").level is Level.OK
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * _MB))
    found = machine.disk(tmp_path)
    assert (found.level, found.found) == (Level.FAULT, f"3 MB free at {tmp_path}")


@pytest.mark.parametrize(
    ("limit", "level"),
    [(256, Level.FAULT), (1024, Level.NOTE), (8192, Level.OK), (resource.RLIM_INFINITY, Level.OK)],
)
def test_few_open_files_are_a_note_and_very_few_a_fault(limit: int, level: Level):
    assert machine.open_files(limit).level is level


def test_little_memory_is_a_fault():
    assert machine.memory(4096 * _MB).level is Level.OK
    assert machine.memory(100 * _MB).level is Level.FAULT


def test_a_taken_port_is_named_with_its_owner():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        found = machine.port("edge", number, optional=False)
        assert found.level is Level.FAULT
        assert found.found == f"taken by {psutil.Process().name()} (process {psutil.Process().pid})"
        assert found.remedy.endswith("--edge-port PORT")
        assert machine.port("router", number, optional=True).level is Level.NOTE
    assert machine.port("edge", number, optional=False).level is Level.OK
