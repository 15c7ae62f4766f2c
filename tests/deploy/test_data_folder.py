import stat

import pytest

from deploy.local.data_folder import DataFolder, DataFolderError, Holder


def test_a_held_folder_names_its_holder_and_the_ways_out(tmp_path):
    first = DataFolder(tmp_path).open()
    first.announce(Holder(pid=4711, edge="http://localhost:8080"))
    with pytest.raises(DataFolderError) as refusal:
        DataFolder(tmp_path).open()
    assert str(refusal.value) == (
        f"A supergraph runs on {tmp_path} already: process 4711, http://localhost:8080\n"
        "Stop it with Ctrl-C in its terminal or `kill 4711`, or start another beside it: "
        "supergraph up --data .supergraph-2 --edge-port 0"
    )
    first.close()
    DataFolder(tmp_path).open().close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match=r"file/data cannot be used: Not a directory\. Choose another"):
        DataFolder(tmp_path / "file" / "data").open()


def test_secrets_are_made_once_and_readable_by_the_owner_alone(tmp_path):
    folder = DataFolder(tmp_path).open()
    token = folder.services_token()
    assert len(token) == 43
    assert folder.services_token() == token
    assert folder.router_secret() == folder.router_secret() != token
    for name in ("services.token", "router.secret"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.keys().stat().st_mode) == 0o700
    folder.close()


def test_a_fresh_start_deletes_what_the_launcher_wrote_and_nothing_else(tmp_path):
    DataFolder(tmp_path).open().close()
    (tmp_path / "redis").mkdir()
    (tmp_path / "mine.txt").write_text("")
    folder = DataFolder(tmp_path).open()
    folder.services_token()
    assert {path.name for path in folder.contents()} == {"redis", "services.token"}
    folder.clear()
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "launcher.lock"}
    folder.close()


def test_a_folder_of_something_else_is_never_cleared(tmp_path):
    (tmp_path / "logs").mkdir()
    folder = DataFolder(tmp_path).open()
    with pytest.raises(
        DataFolderError, match="is not a data folder of supergraph, so nothing in it is deleted"
    ):
        folder.clear()
    folder.close()
    assert {path.name for path in tmp_path.iterdir()} == {"logs"}
