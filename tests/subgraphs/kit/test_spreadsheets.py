import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.spreadsheets import cell_of, text_of

RUN = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''-"]  # noqa: RUF001 - full width
LEFT_ALONE = ["", "Mug", "'", "'quoted'", "1-1", " =1", "a=1"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text) -> None:
    assert cell_of(text) == f"'{text}"


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_other_text_is_left_alone(text) -> None:
    assert (cell_of(text), text_of(text)) == (text, text)


@given(st.text(alphabet="'=+-@\t\n＝a"))  # noqa: RUF001 - full width
def test_every_text_reads_back_as_it_was(text) -> None:
    assert text_of(cell_of(text)) == text
    assert not cell_of(text).startswith(("=", "+", "-", "@"))
