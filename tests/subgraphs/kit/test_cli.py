import getpass
import os
from pathlib import Path

import pytest

from subgraphs.kit.cli import file_named, typed_by


def test_file_is_meant_from_the_folder_where_the_command_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERGRAPH_FOLDER", "/somewhere")
    assert file_named("mugs.csv") == Path("/somewhere/mugs.csv")
    assert file_named("/else/mugs.csv") == Path("/else/mugs.csv")
    monkeypatch.delenv("SUPERGRAPH_FOLDER")
    assert file_named("mugs.csv") == Path("mugs.csv")


def test_person_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert typed_by() == "command line of ann"

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert typed_by() == f"command line of user {os.getuid()}"
