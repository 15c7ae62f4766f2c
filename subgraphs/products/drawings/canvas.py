"""Shapes on a square of 100 by 100 units, from the top left, in the tones of a palette."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from subgraphs.products.drawings.palettes import Palette

SIZE = 640
_FINER = 2  # drawn larger and made smaller, which smooths the edges

Point = tuple[float, float]


class Canvas:
    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._unit = SIZE * _FINER / 100
        self._image = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), palette.paper)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        return self._image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)

    def box(self, x0: float, y0: float, x1: float, y1: float, tone: str, *, r: float = 0) -> None:
        """A rectangle, its corners rounded by `r`."""
        self._draw.rounded_rectangle(self._box(x0, y0, x1, y1), r * self._unit, fill=self._colour(tone))

    def oval(self, x: float, y: float, rx: float, tone: str, *, ry: float | None = None) -> None:
        """Around (x, y); a disc where `ry` is left out."""
        ry = rx if ry is None else ry
        self._draw.ellipse(self._box(x - rx, y - ry, x + rx, y + ry), fill=self._colour(tone))

    def shape(self, points: Sequence[Point], tone: str) -> None:
        self._draw.polygon([self._point(p) for p in points], fill=self._colour(tone))

    def line(self, points: Sequence[Point], tone: str, *, w: float = 3) -> None:
        """Of width `w`, with round joints and ends."""
        colour = self._colour(tone)
        self._draw.line(
            [self._point(p) for p in points], fill=colour, width=round(w * self._unit), joint="curve"
        )
        for x, y in points:
            self.oval(x, y, w / 2, tone)

    def arc(  # noqa: PLR0917 - a box, two angles and a tone, as everywhere in drawing
        self, x: float, y: float, r: float, start: float, end: float, tone: str, *, w: float = 3
    ) -> None:
        """Of a circle around (x, y), clockwise from `start` to `end` degrees; 0 is to the right."""
        box = self._box(x - r, y - r, x + r, y + r)
        self._draw.arc(box, start, end, fill=self._colour(tone), width=round(w * self._unit))

    def wedge(  # noqa: PLR0917 - as above
        self, x: float, y: float, r: float, start: float, end: float, tone: str
    ) -> None:
        """A part of a disc around (x, y)."""
        box = self._box(x - r, y - r, x + r, y + r)
        self._draw.pieslice(box, start, end, fill=self._colour(tone))

    def _colour(self, tone: str) -> str:
        colour: str = getattr(self._palette, tone)
        return colour

    def _point(self, point: Point) -> Point:
        return point[0] * self._unit, point[1] * self._unit

    def _box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x0 * self._unit, y0 * self._unit, x1 * self._unit, y1 * self._unit
