"""A report as a picture: for each currency the sales of each part above the line, the refunds below, and a stroke at the net."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from subgraphs.kit.money import EXPONENTS
from subgraphs.orders.commands.report_text import label
from subgraphs.orders.domain.reports import CurrencyTotals, OrderReport

_WIDTH = 960
_LEFT, _RIGHT = 96, 48
_HEAD = 72
_PLOT, _BELOW = 200, 56
_PANEL = _PLOT + _BELOW + 28
_MOST_LABELS = 10
_STEPS = 4

_INK, _FAINT, _PAPER = "#1f2933", "#d9dee3", "#ffffff"
_SALES, _REFUNDS, _NET = "#2f6f9f", "#c2603f", "#1f2933"


@dataclass(frozen=True, slots=True)
class _Bar:
    """What a part of a report comes to in one currency, in major units."""

    label: str
    sales: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        return self.sales - self.refunded


@dataclass(frozen=True, slots=True)
class _Scale:
    """From amounts to heights: `low` is at the bottom of a plot whose top is `top`, `high` at its top."""

    low: Decimal
    high: Decimal
    step: Decimal
    top: int

    @classmethod
    def of(cls, bars: Sequence[_Bar], top: int) -> "_Scale":
        high, low = max(bar.sales for bar in bars), max(bar.refunded for bar in bars)
        step = _round_step((high + low) / _STEPS)
        # Whole steps, away from zero.
        above, below = (_whole_steps(amount, step) for amount in (high, low))
        return cls(-below, above, step, top)

    def y(self, amount: Decimal) -> float:
        return self.top + _PLOT * float((self.high - amount) / (self.high - self.low))

    def ticks(self) -> Iterator[Decimal]:
        tick = self.low
        while tick <= self.high:
            yield tick
            tick += self.step


def chart(report: OrderReport) -> str:
    """An SVG document (SVG 1.1), a panel for each currency."""
    over = report.range
    currencies = list(report.totals)
    height = _HEAD + max(1, len(currencies)) * _PANEL
    title = f"Sales and refunds by {over.interval.value.lower()}, {over.timezone}"
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    text = f'font-family="system-ui, sans-serif" font-size="12" fill="{_INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {text} role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
        f'<text x="{_LEFT}" y="28" font-size="18" font-weight="600">{escape(title)}</text>',
        *_legend(),
    ]
    if not currencies:
        parts.append(f'<text x="{_LEFT}" y="{_HEAD + 40}">Nothing was sold, and nothing given back.</text>')
    for number, currency in enumerate(currencies):
        parts += _panel(report, currency, top=_HEAD + number * _PANEL + 28)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    for number, (name, colour) in enumerate((("sales", _SALES), ("refunds", _REFUNDS), ("net", _NET))):
        x = _LEFT + 90 * number
        if name == "net":
            yield f'<path d="M{x} 50h12" stroke="{colour}" stroke-width="2"/>'
        else:
            yield f'<rect x="{x}" y="44" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="54">{name}</text>'


def _panel(report: OrderReport, currency: str, *, top: int) -> Iterator[str]:
    bars = _bars(report, currency)
    scale = _Scale.of(bars, top)
    yield f'<text x="{_LEFT}" y="{top - 10}" font-weight="600">{escape(currency)}</text>'
    for tick in scale.ticks():
        y = scale.y(tick)
        colour = _INK if tick == 0 else _FAINT
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{colour}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(tick)}</text>'
    slot = (_WIDTH - _LEFT - _RIGHT) / len(bars)
    width = max(1.0, min(48.0, slot * 0.72))
    for number, bar in enumerate(bars):
        middle = _LEFT + slot * (number + 0.5)
        yield from _column(bar, scale, middle - width / 2, width, currency)
    every = -(-len(bars) // _MOST_LABELS)
    for number in range(0, len(bars), every):
        middle = _LEFT + slot * (number + 0.5)
        yield f'<text x="{middle:.1f}" y="{top + _PLOT + 20}" text-anchor="middle">{bars[number].label}</text>'


def _column(bar: _Bar, scale: _Scale, x: float, width: float, currency: str) -> Iterator[str]:
    """Both bars of a part and its net; a pointer over them is told the amounts."""
    if not bar.sales and not bar.refunded:
        return
    zero = scale.y(Decimal(0))
    said = f"{bar.label}: {bar.sales} sold, {bar.refunded} given back, net {bar.net} {currency}"
    yield f"<g><title>{escape(said)}</title>"
    for amount, colour in ((bar.sales, _SALES), (-bar.refunded, _REFUNDS)):
        if amount:
            y, end = sorted((scale.y(amount), zero))
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{end - y:.1f}" fill="{colour}"/>'
            )
    y = scale.y(bar.net)
    yield f'<path d="M{x - 3:.1f} {y:.1f}H{x + width + 3:.1f}" stroke="{_NET}" stroke-width="2"/></g>'


def _bars(report: OrderReport, currency: str) -> list[_Bar]:
    zone = ZoneInfo(report.range.timezone)
    none = CurrencyTotals(currency=currency)
    return [
        _Bar(label(bucket.start, report.range.interval, zone), sums.sales.decimal(), sums.refunded.decimal())
        for bucket, totals in zip(report.range.buckets, report.series, strict=True)
        for sums in (totals.get(currency, none),)
    ]


def _round_step(rough: Decimal) -> Decimal:
    """The next of 1, 2, 5, 10 … times a power of ten."""
    power = Decimal(1).scaleb(rough.adjusted()) if rough else Decimal(1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough)


def _whole_steps(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_CEILING) * step


def _short(amount: Decimal) -> str:
    """An amount as an axis shows it: 1.5 M for 1500000."""
    size, letter = next(
        (
            (Decimal(1).scaleb(e), f" {name}")
            for e, name in ((9, "G"), (6, "M"), (3, "k"))
            if abs(amount) >= 10**e
        ),
        (Decimal(1), ""),
    )
    scaled = (amount / size).quantize(Decimal(1).scaleb(-max(EXPONENTS.values()))).normalize() + 0
    return f"{scaled:f}{letter}"
