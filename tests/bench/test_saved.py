"""A run that is kept, and another beside it."""

import json
from pathlib import Path

import pytest

from tests.bench import saved
from tests.bench.report import Row, at_most, cpu_time
from tests.bench.saved import SavedRunError


def test_a_saved_run_is_read_again_and_a_later_one_compared_with_it(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    saved.save([cpu_time("REST", 2.0, limit=1), at_most("start", 5.0, 12, "s"), Row("rate", "9/s")], file)
    before = saved.load(file)
    assert before == {"REST": (2.0, "ms CPU"), "start": (5.0, "s")}
    assert saved.compared(cpu_time("REST", 0.5), before) == "2 ms CPU → 0.25 x"
    assert json.loads(file.read_text())["commit"]


@pytest.mark.parametrize(
    "row",
    [
        Row("rate", "9/s"),
        cpu_time("new", 1.0),
        at_most("REST", 500, 900, "µs"),
    ],
    ids=["without a number", "not measured before", "in another unit"],
)
def test_what_cannot_be_compared_is_left_empty(row: Row) -> None:
    assert saved.compared(row, {"REST": (2.0, "ms CPU"), "rate": (9.0, "/s")}) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": {"REST": {}}}', '{"rows": {"REST": 1}}'])
def test_a_file_that_holds_no_run_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    with pytest.raises(SavedRunError, match=rf"{file} holds no saved run .*--save {file}"):
        saved.load(file)


def test_a_file_that_is_not_there_is_named_too(tmp_path: Path) -> None:
    with pytest.raises(SavedRunError, match="holds no saved run"):
        saved.load(tmp_path / "none.json")
