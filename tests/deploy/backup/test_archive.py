import json
import stat
import tarfile
from pathlib import Path

import pytest

from deploy.local.backup import archive
from deploy.local.backup.archive import ArchiveError
from deploy.local.backup.restore import restore


def _made(target: Path, *, overwrite: bool = False) -> Path:
    with archive.writing(target, overwrite=overwrite) as (folder, notes):
        notes["made_at"] = "2026-01-31T12:00:00+00:00"
        (folder / "part").mkdir()
        (folder / "part" / "data").write_bytes(bytes(range(256)) * 40)
        (folder / "other").write_text("text")
    return target


def test_what_was_written_is_read_back_and_closed_to_others(tmp_path: Path) -> None:
    made = _made(tmp_path / "backup.tar.gz")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [made]
    with archive.reading(made, tmp_path) as (folder, manifest):
        assert (folder / "part" / "data").read_bytes() == bytes(range(256)) * 40
        assert manifest["made_at"] == "2026-01-31T12:00:00+00:00"
        assert sorted(manifest["files"]) == ["other", "part/data"]
    assert list(tmp_path.iterdir()) == [made]


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    target.write_text("something else")
    with pytest.raises(ArchiveError, match="is there already"):
        _made(target)
    assert target.read_text() == "something else"
    assert tarfile.is_tarfile(_made(target, overwrite=True))


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with archive.writing(tmp_path / "backup.tar.gz", overwrite=False) as (folder, _):
            (folder / "half").write_text("…")
            raise OSError("no space left on device")

    with pytest.raises(ArchiveError, match="cannot be written: no space left on device"):
        fail()
    assert list(tmp_path.iterdir()) == []


def _cut_off(made: Path) -> None:
    made.write_bytes(made.read_bytes()[:-40])


def _changed(made: Path) -> None:
    """Whole as a file, but one of its members is another."""
    with archive.reading(made, made.parent) as (folder, manifest):
        (folder / "other").write_text("tex!")
        (folder / "manifest.json").write_text(json.dumps(manifest))
        made.unlink()
        with tarfile.open(made, "w:gz") as packed:
            packed.add(folder, arcname=".")


def _of_another_format(made: Path) -> None:
    with archive.reading(made, made.parent) as (folder, manifest):
        (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
        made.unlink()
        with tarfile.open(made, "w:gz") as packed:
            packed.add(folder, arcname=".")


def _flipped(made: Path) -> None:
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 0xFF
    made.write_bytes(content)


def _no_archive(made: Path) -> None:
    made.write_text("no archive")


def _leads_outside(made: Path) -> None:
    with tarfile.open(made, "w:gz") as packed:
        packed.add(__file__, arcname="../outside")


@pytest.mark.parametrize(
    "harm", [_cut_off, _changed, _flipped, _no_archive, _of_another_format, _leads_outside]
)
def test_an_archive_that_is_not_whole_is_refused_and_leaves_nothing(tmp_path: Path, harm) -> None:
    made = _made(tmp_path / "backup.tar.gz")
    harm(made)
    with pytest.raises(ArchiveError, match="Nothing was restored"):
        restore(made, tmp_path / "data", overwrite=False, mongo_server=None, say=print)
    assert list(tmp_path.iterdir()) == [made]


def test_data_that_are_there_are_kept_unless_it_is_said(tmp_path: Path) -> None:
    made = _made(tmp_path / "backup.tar.gz")
    (tmp_path / "data" / "keys").mkdir(parents=True)
    with pytest.raises(ArchiveError, match=r"has data already\. Choose another folder"):
        restore(made, tmp_path / "data", overwrite=False, mongo_server=None, say=print)
    assert (tmp_path / "data" / "keys").exists()
