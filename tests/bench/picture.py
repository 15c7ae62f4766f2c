"""The table as a picture: what has a goal or a peer, each with a bar for the part of its goal that it takes.

The picture holds its own colours for light and dark pages, and no script and no font but the reader's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from tests.bench.report import Row

_WIDTH, _MARGIN, _LINE, _PADDING, _TOP = 1000, 20, 17, 12, 92
_WHAT, _OURS, _BAR, _GOAL, _PEER = 20, 480, 500, 610, 710
_BAR_WIDTH = 90
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .page { fill: #ffffff } .title { font-size: 17px; font-weight: 600 } .head, .note { fill: #59636e; font-size: 12px }
  .ours { font-weight: 600; text-anchor: end } .rule { stroke: #d1d9e0 } .rest { fill: #eaeef2 }
  .met { fill: #1a7f37 } .missed { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .page { fill: #0d1117 } .head, .note { fill: #9198a1 }
    .rule { stroke: #3d444d } .rest { fill: #262c36 } .met { fill: #3fb950 } .missed { fill: #f0883e }
  }"""


def draw(rows: Sequence[Row], *, commit: str, machine: str, at: datetime | None = None) -> str:
    """An SVG of those of `rows` that have a goal or a peer; `machine` says where they were measured."""
    day = (at or datetime.now(UTC)).date().isoformat()
    parts, y = [], _TOP
    for row in rows:
        if row.budget or row.peers:
            parts.append(_drawn(row, y))
            y += _height(row)
    height = y + 36
    note = f"make bench, {day}, commit {commit}, {machine}. x: how many times as much the peer takes."
    size = f'width="{_WIDTH}" height="{height}"'
    label = "What was measured, beside its goals and peers"
    heads = (
        (_WHAT, "case"),
        (_OURS - 60, "measured"),
        (_GOAL, "goal"),
        (_PEER, "the same by others, from memory"),
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">',
        f"<style>{_STYLE}\n</style>",
        f'<rect class="page" {size} rx="8"/>',
        _text(_WHAT, 34, "What a request takes, beside its goal and beside its peers", "title"),
        *(_text(x, 70, head, "head") for x, head in heads),
        *parts,
        _text(_WHAT, height - 14, note, "note"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _height(row: Row) -> int:
    return _LINE * max(1, len(row.peers)) + _PADDING


def _drawn(row: Row, y: int) -> str:
    colour = {True: "met", False: "missed", None: ""}[row.within]
    parts = [
        f'<line class="rule" x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{y - 12}" y2="{y - 12}"/>',
        _text(_WHAT, y + 6, row.what),
        _text(_OURS, y + 6, row.measured, f"ours {colour}".strip()),
        _text(_GOAL, y + 6, row.budget if row.limit is not None else "", colour),
    ]
    if row.limit and row.value is not None:
        part = min(1.0, row.value / row.limit)
        parts.append(f'<rect class="rest" x="{_BAR}" y="{y - 4}" width="{_BAR_WIDTH}" height="10" rx="3"/>')
        parts.append(
            f'<rect class="{colour}" x="{_BAR}" y="{y - 4}" width="{_BAR_WIDTH * part:.1f}" height="10" rx="3"/>'
        )
    for number, (peer, ratio) in enumerate(zip(row.peers, row.ratios(), strict=True)):
        parts.append(_text(_PEER, y + 6 + number * _LINE, f"{peer.measured(row.unit)} ({ratio})"))
    return "\n".join(parts)


def _text(x: int, y: int, text: str, style: str = "") -> str:
    chosen = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}"{chosen}>{escape(text)}</text>' if text else ""
