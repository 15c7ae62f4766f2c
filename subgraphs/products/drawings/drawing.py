"""What a picture of the demo catalogue is made of, and the picture."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from subgraphs.products.drawings import indoors, outdoors
from subgraphs.products.drawings.canvas import Canvas
from subgraphs.products.drawings.palettes import PALETTES

_BY_NAME: dict[str, Callable[[Canvas], None]] = {
    function.__name__: function
    for function in (
        indoors.pot, indoors.cake, indoors.knife, indoors.cup, indoors.plate, indoors.bed, indoors.lamp,
        indoors.basket, indoors.headphones, indoors.speaker, indoors.keyboard, indoors.plug, indoors.notebook,
        indoors.pencil, indoors.tray, outdoors.tent, outdoors.sleeping_bag, outdoors.stove, outdoors.backpack,
        outdoors.bicycle, outdoors.trowel, outdoors.planter, outdoors.seeds, outdoors.jumper, outdoors.jacket,
        outdoors.hat, outdoors.dice, outdoors.blocks, outdoors.hammer, outdoors.ruler,
    )
}  # fmt: skip
MOTIFS = frozenset(_BY_NAME)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A motif and a palette by name; `variety` is any text, which chooses among the ways to colour them."""

    motif: str
    palette: str
    variety: str


def draw(drawing: Drawing) -> Image.Image:
    """A square picture. Raises KeyError for a motif or a palette that there is not."""
    chosen = zlib.crc32(drawing.variety.encode())  # the same in every process, as `hash` is not
    canvas = Canvas(PALETTES[drawing.palette].varied(chosen))
    _backdrop(canvas, chosen // 4)
    _BY_NAME[drawing.motif](canvas)
    return canvas.finished()


def _backdrop(canvas: Canvas, chosen: int) -> None:
    """A low sun, somewhere behind, and the ground."""
    chosen, right = divmod(chosen, 41)
    chosen, down = divmod(chosen, 15)
    canvas.oval(30 + right, 34 + down, 24 + chosen % 15, "sun")
    canvas.oval(50, 84, 42, "sun", ry=5)
    canvas.oval(50, 83, 32, "dark", ry=1.6)
