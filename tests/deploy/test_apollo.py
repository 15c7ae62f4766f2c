"""The binary of Apollo Router: found, fetched from a server of ours, refused when tampered with."""

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from deploy.local import apollo, launch
from deploy.local.cli import main
from deploy.local.components import COMPONENTS

PROGRAM = b"#!/bin/sh\necho 2.17.0\n"
ARCHIVE = "router-v2.17.0-x86_64-unknown-linux-gnu.tar.gz"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The folder of a release, and where it is served."""
    monkeypatch.setattr(apollo.platform, "system", lambda: "Linux")
    monkeypatch.setattr(apollo.platform, "machine", lambda: "x86_64")
    folder = tmp_path / "served" / "v2.17.0"
    folder.mkdir(parents=True)
    with tarfile.open(folder / ARCHIVE, "w:gz") as packed:
        member = tarfile.TarInfo("dist/router")
        member.size = len(PROGRAM)
        packed.addfile(member, io.BytesIO(PROGRAM))
    digest = hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()
    (folder / "sha256sums.txt").write_text(f"{'0' * 64}  another.tar.gz\n{digest}  {ARCHIVE}\n")
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder.parent))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_command_installs_what_the_release_has_and_it_is_found(release, tmp_path, capsys):
    data = tmp_path / "data"
    assert main(["router", "install", "--data", str(data), "--releases", release[1]]) == 0
    assert capsys.readouterr().out == f"Installed {data}/bin/router\n"
    assert (data / "bin" / "router").read_bytes() == PROGRAM
    assert apollo.find({}, data) == data / "bin" / "router"


def _tampered(folder: Path) -> None:
    with (folder / ARCHIVE).open("ab") as file:
        file.write(b"x")


def _unnamed(folder: Path) -> None:
    (folder / "sha256sums.txt").write_text("")


def _missing(folder: Path) -> None:
    (folder / ARCHIVE).unlink()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_tampered, "is not what its checksum says"),
        (_unnamed, "do not name"),
        (_missing, "cannot be fetched"),
    ],
)
def test_a_bad_download_leaves_nothing_behind(release, tmp_path, damage, why):
    damage(release[0])
    data = tmp_path / "data"
    with pytest.raises(apollo.ApolloError, match=why):
        apollo.install(data, releases=release[1])
    assert not data.exists()


def test_the_named_binary_goes_first_and_must_be_a_program(tmp_path):
    named = tmp_path / "mine"
    named.write_bytes(PROGRAM)
    with pytest.raises(apollo.ApolloError, match="no program"):
        apollo.find({"APOLLO_ROUTER_BIN": str(named)}, tmp_path)
    named.chmod(0o755)
    assert apollo.find({"APOLLO_ROUTER_BIN": str(named)}, tmp_path) == named


def test_auto_takes_apollo_where_it_is_and_else_names_the_command(tmp_path, monkeypatch):
    monkeypatch.delenv("APOLLO_ROUTER_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    every = frozenset(COMPONENTS)
    without = every - {"apollo"}
    chosen, said = launch._choose_router("auto", every, tmp_path)
    assert (chosen, "supergraph router install" in said) == (without, True)
    with pytest.raises(apollo.ApolloError, match="supergraph router install"):
        launch._choose_router("apollo", every, tmp_path)
    installed = tmp_path / "bin" / "router"
    installed.parent.mkdir()
    installed.write_bytes(PROGRAM)
    installed.chmod(0o755)
    assert launch._choose_router("auto", every, tmp_path) == (every, "")
    assert launch._choose_router("apollo", every, tmp_path) == (every, "")
    assert launch._choose_router("hive", every, tmp_path) == (without, "")


@pytest.mark.parametrize(
    "environ", [{}, {"APOLLO_KEY": "service:shop:key"}, {"APOLLO_GRAPH_REF": "shop@current"}]
)
def test_without_a_licence_the_configuration_is_the_plain_one(environ, tmp_path):
    assert apollo.configuration(environ, tmp_path) == apollo.FOLDER / "router.yaml"
    assert list(tmp_path.iterdir()) == []


def test_a_licence_adds_its_sections_and_takes_nothing_away(tmp_path):
    environ = {"APOLLO_KEY": "service:shop:key", "APOLLO_GRAPH_REF": "shop@current"}
    plain = yaml.safe_load((apollo.FOLDER / "router.yaml").read_text())
    merged = yaml.safe_load(apollo.configuration(environ, tmp_path).read_text())
    assert merged.keys() - plain.keys() == {"authentication", "demand_control", "subscription"}
    assert merged["limits"]["router"] == {
        **plain["limits"]["router"],
        "max_depth": 15,
        "max_aliases": 60,
        "max_root_fields": 20,
    }
    same = plain.keys() - {"limits"}
    assert {key: merged[key] for key in same} == {key: plain[key] for key in same}
