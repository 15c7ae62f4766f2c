"""The archive: a compressed tar of files, with a manifest as its last member that has the digest of each."""

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.errors import LaunchError

_CHUNK = 1 << 20
_FORMAT = 1
_MANIFEST = "manifest.json"


class ArchiveError(LaunchError):
    """An archive cannot be written, or is not whole; the message says which and why."""


@contextmanager
def writing(target: Path, *, overwrite: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder to fill and what the manifest is to say; when the body is done, `target` is there, whole.

    Only its owner may read it. Raises ArchiveError where it is there already, unless `overwrite`, or cannot be written.
    """
    if target.exists() and not overwrite:
        raise ArchiveError(f"{target} is there already. Choose another name, or replace it: --overwrite")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
            notes: dict[str, Any] = {}
            yield Path(folder), notes
            _pack(Path(folder), unfinished, notes)
            unfinished.replace(target)
    except OSError as error:
        raise ArchiveError(f"{target} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def reading(source: Path, beside: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files of a whole archive, in a folder made in `beside` for the time of the body, and its manifest.

    Raises ArchiveError for one that is not there, is cut off or changed, or has another format; nothing is left of it.
    """
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=beside) as folder:
        try:
            with tarfile.open(source, "r:gz") as packed:
                packed.extractall(folder, filter="data")
                # To the end, where its checksum is: what is cut off there only would go unnoticed.
                while packed.fileobj and packed.fileobj.read(_CHUNK):
                    pass
            manifest = json.loads((Path(folder) / _MANIFEST).read_text())
            files = dict(manifest["files"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, tarfile.TarError, zlib.error) as error:
            raise ArchiveError(f"{source} is no whole backup: {error}. Nothing was restored.") from error
        if manifest.get("format") != _FORMAT:
            raise ArchiveError(
                f"{source} has a format that this version does not read. Nothing was restored."
            )
        (Path(folder) / _MANIFEST).unlink()
        if files != _digests(Path(folder)):
            raise ArchiveError(
                f"{source} is damaged: its files are not those of its manifest. Nothing was restored."
            )
        yield Path(folder), manifest


def _pack(folder: Path, target: Path, notes: Mapping[str, Any]) -> None:
    manifest = {"format": _FORMAT, **notes, "files": _digests(folder)}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2))
    names = [*sorted(path for path in _paths(folder) if path != _MANIFEST), _MANIFEST]
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as packed,
    ):
        for name in names:
            packed.add(folder / name, arcname=name, recursive=False)


def _paths(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 by path."""
    found: dict[str, str] = {}
    for name in _paths(folder):
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def copy_files(source: Path, target: Path, names: tuple[str, ...]) -> None:
    """Those of these files and folders that are in `source`, with their modes."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, copy_function=shutil.copy, dirs_exist_ok=True)
            (target / name).chmod(0o700)
        elif (source / name).exists():
            shutil.copy(source / name, target / name)
