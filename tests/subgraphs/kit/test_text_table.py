from subgraphs.kit.text_table import text_table


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right() -> None:
    assert text_table(["NAME", "UNITS", "NOTE"], [["a mug", "7", ""], ["x", "12345678", "y"]], numbers=(1,)) == (
        "NAME      UNITS  NOTE\n"
        "a mug         7\n"
        "x      12345678  y"
    )  # fmt: skip


def test_table_without_rows_is_its_head() -> None:
    assert text_table(["A", "B"], []) == "A  B"


def test_cell_cannot_steer_the_terminal() -> None:
    assert text_table(["NAME"], [["a\nb\x1b[2J\u202ec"]]) == "NAME\na\\nb\\x1b[2J\\u202ec"
