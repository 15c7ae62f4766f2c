import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local.doctor import folder
from deploy.local.doctor.finding import Level


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "keys").mkdir(parents=True, mode=0o700)
    (made / "services.token").touch(mode=0o600)
    return made


def test_a_folder_in_order_has_no_fault(data: Path):
    assert {found.level for found in folder.look(data, is_running=False)} == {Level.OK}


def test_a_folder_of_another_user_is_a_fault(data: Path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: data.stat().st_uid + 4711)
    if data.stat().st_uid == 0:
        monkeypatch.setattr(os, "access", lambda *_: False)
    found = folder.rights(data)
    assert found.level is Level.FAULT
    assert found.remedy.startswith("chown -R ")


def test_secrets_that_others_may_read_are_named(data: Path):
    (data / "services.token").chmod(0o644)
    (data / "keys").chmod(0o750)
    found = folder.secrets(data)
    assert (found.level, found.found) == (Level.FAULT, "others may read services.token, keys")
    assert found.remedy == f"chmod -R go= {data}/services.token {data}/keys"


def test_a_clock_that_was_set_back_is_a_fault(data: Path):
    assert folder.clock(data, now=time.time()).level is Level.OK
    assert folder.clock(data, now=time.time() - 86400).level is Level.FAULT


def test_files_of_another_version_are_a_fault(data: Path):
    cluster = data / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    for part in (data.parent, data, cluster.parent, cluster):
        part.chmod(0o755)
    cluster_of = folder.PostgreSQL(data / "postgres", port=1).cluster
    cluster_of.mkdir(parents=True, exist_ok=True)
    (cluster_of / "PG_VERSION").write_text("9\n")
    try:
        found = {finding.what: finding for finding in folder.versions(data)}["files of PostgreSQL"]
    finally:
        shutil.rmtree(cluster_of)
    assert found.level is Level.FAULT
    assert "was written by PostgreSQL 9" in found.found


def test_a_state_file_without_its_launcher_is_a_note_and_a_server_without_it_a_fault(data: Path, monkeypatch):
    (data / "state.json").touch(mode=0o600)
    assert folder.leftovers(data).level is Level.NOTE
    cluster = folder.PostgreSQL(data / "postgres", port=1).cluster
    cluster.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["sleep", "60"]) as left:
        (cluster / "postmaster.pid").write_text(f"{left.pid}\n{cluster}\n")
        assert folder.leftovers(data).level is Level.NOTE  # the number was given to another program
        monkeypatch.setattr(folder.psutil.Process, "name", lambda _: "postgres")
        found = folder.leftovers(data)
        left.kill()
    shutil.rmtree(cluster)
    assert (found.level, found.remedy) == (Level.FAULT, f"kill {left.pid}")
