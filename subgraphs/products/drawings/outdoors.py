"""Motifs of the open air, the wardrobe, the toy box and the workshop. Each stands on the line y = 82."""

from subgraphs.products.drawings.canvas import Canvas


def tent(c: Canvas) -> None:
    c.shape([(50, 24), (88, 82), (12, 82)], "main")
    c.shape([(50, 24), (64, 82), (36, 82)], "dark")
    c.shape([(50, 24), (36, 82), (28, 82)], "accent")
    c.line([(50, 24), (54, 17)], "dark", w=2)
    c.line([(50, 24), (46, 17)], "dark", w=2)


def sleeping_bag(c: Canvas) -> None:
    c.box(14, 58, 86, 82, "main", r=12)
    c.box(14, 58, 38, 82, "accent", r=12)
    c.oval(27, 70, 8, "light", ry=7)
    for x in (48, 58, 68, 78):
        c.line([(x, 60), (x, 80)], "dark", w=1.6)
    c.wedge(70, 34, 12, 40, 250, "light")


def stove(c: Canvas) -> None:
    for x, top in ((41, 44), (50, 36), (59, 44)):
        c.shape([(x - 5, 58), (x, top), (x + 5, 58)], "accent")
    c.box(26, 20, 74, 44, "main", r=5)
    c.box(22, 18, 78, 24, "dark", r=3)
    c.box(40, 58, 60, 63, "metal", r=2)
    c.box(34, 62, 66, 82, "dark", r=6)
    c.box(34, 68, 66, 74, "light")


def backpack(c: Canvas) -> None:
    c.arc(50, 26, 9, 180, 360, "dark", w=4)
    c.box(22, 46, 32, 76, "dark", r=4)
    c.box(68, 46, 78, 76, "dark", r=4)
    c.box(28, 24, 72, 82, "main", r=13)
    c.box(34, 52, 66, 76, "accent", r=5)
    c.line([(38, 59), (62, 59)], "dark", w=1.8)
    c.box(28, 38, 72, 43, "dark")
    c.box(46, 36, 54, 46, "light", r=2)


def bicycle(c: Canvas) -> None:
    for x in (27, 73):
        c.arc(x, 65, 17, 0, 360, "dark", w=3.5)
        c.oval(x, 65, 2.5, "metal")
    frame = [(27, 65), (42, 42), (66, 42), (50, 65), (27, 65)]
    c.line(frame, "main", w=3.4)
    c.line([(50, 65), (40, 37)], "main", w=3.4)
    c.line([(73, 65), (64, 34), (72, 31)], "main", w=3.4)
    c.line([(34, 36), (46, 36)], "dark", w=4)
    c.oval(50, 65, 4.5, "accent")


def trowel(c: Canvas) -> None:
    c.box(30, 16, 38, 40, "accent", r=4)
    c.box(32.5, 38, 35.5, 54, "metal", r=1)
    c.shape([(25, 52), (43, 52), (42, 70), (34, 82), (26, 70)], "metal")
    c.box(62, 16, 70, 44, "main", r=4)
    c.box(64.5, 42, 67.5, 58, "dark", r=1)
    c.box(55, 56, 77, 60, "dark", r=2)
    for x in (57, 66, 75):
        c.line([(x, 58), (x, 80)], "dark", w=2.6)


def planter(c: Canvas) -> None:
    c.line([(50, 58), (50, 26)], "dark", w=2.4)
    for x, y, side in ((50, 46, -1), (50, 40, 1), (50, 34, -1)):
        c.oval(x + side * 11, y - 3, 11, "leaf", ry=5.5)
    c.oval(50, 22, 6, "leaf", ry=9)
    c.shape([(30, 60), (70, 60), (64, 82), (36, 82)], "accent")
    c.box(27, 54, 73, 62, "dark", r=2)


def seeds(c: Canvas) -> None:
    c.box(28, 22, 72, 82, "light", r=3)
    c.box(28, 22, 72, 32, "dark", r=3)
    c.line([(50, 74), (50, 50)], "leaf", w=3)
    c.oval(42, 66, 8, "leaf", ry=4)
    c.oval(58, 62, 8, "leaf", ry=4)
    for x, y in ((50, 38), (44, 43), (56, 43), (46, 50), (54, 50)):
        c.oval(x, y, 5, "accent")
    c.oval(50, 45, 4, "dark")


def jumper(c: Canvas) -> None:
    c.shape([(34, 28), (18, 38), (14, 70), (26, 72), (34, 46)], "main")
    c.shape([(66, 28), (82, 38), (86, 70), (74, 72), (66, 46)], "main")
    c.box(30, 26, 70, 80, "main", r=5)
    c.oval(50, 27, 10, "dark", ry=6)
    for x in range(34, 68, 8):
        c.shape([(x, 50), (x + 4, 43), (x + 8, 50), (x + 4, 57)], "accent")
    c.box(30, 74, 70, 81, "dark", r=2)


def jacket(c: Canvas) -> None:
    c.shape([(36, 26), (20, 36), (14, 74), (26, 76), (36, 48)], "dark")
    c.shape([(64, 26), (80, 36), (86, 74), (74, 76), (64, 48)], "dark")
    c.box(30, 26, 70, 82, "main", r=5)
    c.shape([(38, 24), (62, 24), (50, 40)], "light")
    c.line([(50, 40), (50, 80)], "dark", w=1.8)
    c.box(34, 58, 45, 70, "accent", r=2)
    c.box(55, 58, 66, 70, "accent", r=2)


def hat(c: Canvas) -> None:
    c.oval(50, 24, 7, "accent")
    c.wedge(50, 64, 32, 180, 360, "main")
    for x, top in ((34, 40), (50, 33), (66, 40)):
        c.line([(x, top), (x, 64)], "dark", w=1.6)
    c.box(15, 60, 85, 76, "accent", r=6)
    for x in range(22, 84, 8):
        c.line([(x, 63), (x, 73)], "light", w=1.6)


def dice(c: Canvas) -> None:
    c.box(16, 46, 52, 82, "main", r=7)
    for x, y in ((25, 55), (34, 64), (43, 73), (43, 55), (25, 73)):
        c.oval(x, y, 3.4, "light")
    c.oval(70, 48, 9, "accent")
    c.shape([(64, 54), (76, 54), (84, 82), (56, 82)], "accent")
    c.oval(70, 81, 14, "dark", ry=3)
    c.box(24, 26, 44, 46, "light", r=4)
    c.oval(34, 36, 3.4, "dark")


def blocks(c: Canvas) -> None:
    c.box(16, 58, 40, 82, "main", r=2)
    c.box(42, 58, 66, 82, "accent", r=2)
    c.wedge(54, 82, 8, 180, 360, "paper")
    c.box(30, 38, 52, 58, "light", r=2)
    c.shape([(28, 38), (54, 38), (41, 20)], "dark")
    c.oval(76, 72, 10, "dark")
    c.oval(76, 72, 4, "light")


def hammer(c: Canvas) -> None:
    c.box(46, 32, 54, 82, "main", r=3)
    c.box(46, 62, 54, 82, "dark", r=3)
    c.box(36, 22, 66, 36, "metal", r=2)
    c.box(64, 19, 74, 39, "metal", r=2)
    c.shape([(36, 22), (36, 34), (20, 40), (27, 30)], "metal")
    for x in (78, 86):
        c.line([(x, 52), (x, 80)], "accent", w=2.4)
        c.line([(x - 3, 52), (x + 3, 52)], "accent", w=2.4)


def ruler(c: Canvas) -> None:
    c.oval(34, 42, 20, "main")
    c.oval(34, 42, 13, "dark")
    c.oval(34, 42, 5, "light")
    c.box(34, 54, 52, 62, "main", r=1)
    c.box(50, 55, 88, 61, "light")
    for x in range(56, 88, 5):
        c.line([(x, 55.5), (x, 58)], "dark", w=0.8)
    c.box(14, 70, 86, 82, "accent", r=2)
    for x in range(20, 84, 6):
        c.line([(x, 71), (x, 75 if x % 12 else 78)], "light", w=1.2)
