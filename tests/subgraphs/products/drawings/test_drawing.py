import zlib

import pytest

from subgraphs.products.drawings.canvas import SIZE, Canvas
from subgraphs.products.drawings.drawing import MOTIFS, Drawing, draw
from subgraphs.products.drawings.palettes import PALETTES


@pytest.mark.parametrize("motif", sorted(MOTIFS))
def test_a_motif_stands_on_its_backdrop(motif: str) -> None:
    picture = draw(Drawing(motif, "slate", "A-1"))
    assert (picture.size, picture.mode) == ((SIZE, SIZE), "RGB")
    # The middle is the motif's, the corners are left to the paper.
    corners = {picture.getpixel(at) for at in ((1, 1), (SIZE - 2, 1), (1, SIZE - 2), (SIZE - 2, SIZE - 2))}
    assert len(corners) == 1
    assert len(picture.crop((160, 160, 480, 560)).getcolors(maxcolors=100_000) or ()) > 3


def test_the_same_product_has_the_same_picture_and_another_another() -> None:
    pictures = {
        sku: zlib.crc32(draw(Drawing("cup", "sand", sku)).tobytes()) for sku in ("A", "B", "C", "D", "E")
    }
    assert {sku: zlib.crc32(draw(Drawing("cup", "sand", sku)).tobytes()) for sku in pictures} == pictures
    assert len(set(pictures.values())) == 5


def test_four_ways_to_give_out_the_colours() -> None:
    palette = PALETTES["forest"]
    varied = [palette.varied(number) for number in range(5)]
    assert len(set(varied)) == 4
    assert varied[0] == varied[4] == palette
    assert all({v.main, v.accent} == {palette.main, palette.accent} for v in varied)


def test_a_shape_is_where_it_was_put_in_its_tone() -> None:
    palette = PALETTES["ink"]
    canvas = Canvas(palette)
    canvas.box(25, 25, 75, 75, "main")
    picture = canvas.finished()
    hexadecimal = ["#" + bytes(picture.getpixel((at, SIZE // 2))).hex() for at in (100, 320, 600)]
    assert hexadecimal == [palette.paper, palette.main, palette.paper]
