"""The table as a picture."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from tests.bench import picture
from tests.bench.report import Peer, Row, cpu_time

_SVG = "{http://www.w3.org/2000/svg}"
_AT = datetime(2026, 11, 24, tzinfo=UTC)


def _drawn(*rows: Row) -> ET.Element:
    svg = picture.draw(rows, commit="abc1234", machine="2 cores", at=_AT)
    return ET.fromstring(svg)


def _texts(svg: ET.Element) -> list[tuple[str, str]]:
    return [(element.get("class", ""), element.text or "") for element in svg.iter(f"{_SVG}text")]


def test_a_case_is_drawn_with_its_goal_and_its_peers() -> None:
    peers = (Peer("Apollo Server", 1.0), Peer("Mercurius + JIT", 0.25))
    svg = _drawn(cpu_time("users: <50>", 0.5, limit=0.9, peers=peers), cpu_time("REST", 2.0, limit=1))
    case = [text for text in _texts(svg) if text[0] not in {"head", "title"}]
    assert case == [
        ("", "users: <50>"),
        ("ours met", "0.50 ms CPU"),
        ("met", "≤ 0.9 ms"),
        ("", "Apollo Server 1 ms CPU (2.00 x)"),
        ("", "Mercurius + JIT 0.25 ms CPU (0.50 x)"),
        ("", "REST"),
        ("ours missed", "2.00 ms CPU"),
        ("missed", "≤ 1 ms"),
        (
            "note",
            "make bench, 2026-11-24, commit abc1234, 2 cores. x: how many times as much the peer takes.",
        ),
    ]


def test_a_bar_is_as_long_as_the_part_of_the_goal_and_never_longer_than_the_whole() -> None:
    svg = _drawn(cpu_time("half", 0.5, limit=1), cpu_time("thrice", 3.0, limit=1))
    bars = {(bar.get("class"), bar.get("width")) for bar in svg.iter(f"{_SVG}rect")}
    assert bars - {("page", svg.get("width"))} == {("rest", "90"), ("met", "45.0"), ("missed", "90.0")}


def test_rows_lie_below_one_another_and_within_the_picture() -> None:
    svg = _drawn(*(cpu_time(f"case {n}", 0.5, peers=(Peer("a", 1), Peer("b", 1))) for n in range(4)))
    places = [
        int(text.get("y", "")) for text in svg.iter(f"{_SVG}text") if (text.text or "").startswith("case ")
    ]
    assert places == [98, 144, 190, 236]
    assert int(svg.get("height", "")) == 312


def test_what_has_neither_goal_nor_peer_is_left_out() -> None:
    assert "rate" not in str(_texts(_drawn(Row("rate", "9/s"))))


def test_both_colour_schemes_colour_everything_that_is_drawn() -> None:
    style = _drawn(cpu_time("REST", 2.0, limit=1)).findtext(f"{_SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for drawn in ("text", ".page", ".note", ".rule", ".rest", ".met", ".missed"):
        assert f"{drawn} {{" in light.replace(", .note", " .note")
        assert f"{drawn} {{" in dark.replace(", .note", " .note")
