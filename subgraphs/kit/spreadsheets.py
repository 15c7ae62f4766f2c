"""CSV cells that a spreadsheet program does not run as formulas.

A program that opens a CSV file computes a cell that begins with `=`, `+`, `-` or `@` (OWASP, "CSV Injection"), so a
name that a stranger chose could send away what stands beside it. Such a text gets an apostrophe in front, as a
person would type it to say "this is text". The apostrophe can be told from the text's own and is taken away again,
so that what was exported reads back as it was.
"""

import re

# Also in the full width of East Asian keyboards, and behind a tab or line break, which some programs skip.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - the full-width ones are meant


def cell_of(text: str) -> str:
    """`text` as a cell: with an apostrophe before what would be a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def text_of(cell: str) -> str:
    """The text that `cell_of` made `cell` of; a cell that it did not make is its own text."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
