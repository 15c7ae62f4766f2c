"""Text and tables on a terminal."""

from collections.abc import Collection, Sequence


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int] = ()) -> str:
    """Each column as wide as its widest cell, two spaces apart; those in `numbers` stand to the right."""
    shown = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = (
        "  ".join(
            f"{cell:>{width}}" if index in numbers else f"{cell:{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    )
    return "\n".join(lines)


def printable(text: str) -> str:
    """`text` on one line of a terminal that it cannot steer, whoever wrote it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
