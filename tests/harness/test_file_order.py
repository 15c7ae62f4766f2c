"""The order of the files."""

from tests.harness.file_order import LONGEST
from tests.harness.launcher import ROOT


def test_each_file_that_comes_first_exists() -> None:
    assert [path for path in LONGEST if not (ROOT / "tests" / path).is_file()] == []
