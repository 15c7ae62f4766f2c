"""Rows, and the options of the bench."""

import pytest

from tests.bench.__main__ import PICTURE, parser
from tests.bench.report import Peer, Row, at_most, cpu_time


def test_a_ratio_is_how_many_times_as_much_a_peer_takes() -> None:
    row = cpu_time("users", 0.5, limit=0.9, peers=(Peer("Apollo Server", 1.25), Peer("Mercurius", 0.2)))
    assert (row.ratios(), row.measured, row.budget, row.within) == (
        ["2.50 x", "0.40 x"],
        "0.50 ms CPU",
        "≤ 0.9 ms",
        True,
    )


def test_a_peer_is_shown_in_the_unit_of_the_row() -> None:
    shown = [Peer("Node", value).measured("µs") for value in (1010.4, 99.5, 0.0625)]
    assert shown == ["Node 1,010 µs", "Node 100 µs", "Node 0.062 µs"]


def test_a_budget_is_kept_up_to_its_limit() -> None:
    assert [at_most("start", value, 12, "s").within for value in (12.0, 12.1)] == [True, False]
    assert cpu_time("across", 3.0) == Row("across", "3.00 ms CPU", value=3.0, unit="ms CPU")


def test_a_part_is_chosen_by_name_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser().parse_args(["--only", "executor", "cpu"]).only == ["executor", "cpu"]
    with pytest.raises(SystemExit):
        parser().parse_args(["--only", "speed"])
    assert "invalid choice: 'speed'" in capsys.readouterr().err


def test_by_default_everything_is_measured_and_nothing_written() -> None:
    options = parser().parse_args([])
    assert options.only == ["executor", "start", "load", "cpu", "observed", "drivers", "logins", "catalogue"]
    assert (options.save, options.against, options.draw) == (None, None, None)


def test_the_picture_of_the_readme_is_drawn_where_no_file_is_named() -> None:
    assert parser().parse_args(["--draw"]).draw == PICTURE
