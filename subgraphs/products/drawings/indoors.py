"""Motifs of the house: kitchen, rooms, electronics and desk. Each stands on the line y = 82."""

from subgraphs.products.drawings.canvas import Canvas


def pot(c: Canvas) -> None:
    c.box(17, 46, 83, 52, "dark", r=3)
    c.box(26, 40, 74, 82, "main", r=7)
    c.box(26, 40, 74, 50, "dark", r=3)
    c.box(22, 34, 78, 42, "accent", r=4)
    c.oval(50, 29, 5, "dark")
    c.box(32, 55, 36, 74, "light", r=2)


def cake(c: Canvas) -> None:
    c.box(20, 76, 80, 82, "metal", r=3)
    c.box(26, 52, 74, 76, "main", r=3)
    c.box(26, 44, 74, 56, "light", r=5)
    for x in (32, 44, 56, 68):
        c.oval(x, 57, 4, "light")
    c.oval(50, 37, 7, "accent")
    c.line([(51, 31), (57, 24)], "dark", w=2)


def knife(c: Canvas) -> None:
    c.box(18, 62, 82, 82, "accent", r=5)
    c.oval(75, 72, 3, "paper")
    c.shape([(20, 52), (60, 34), (62, 52)], "metal")
    c.shape([(20, 52), (60, 48), (62, 52)], "light")
    c.box(60, 33, 86, 44, "dark", r=4)
    for x in (67, 74, 81):
        c.oval(x, 38.5, 1.4, "metal")


def cup(c: Canvas) -> None:
    c.arc(72, 56, 12, -90, 90, "main", w=5)
    c.box(28, 40, 72, 76, "main", r=12)
    c.box(28, 40, 72, 56, "main", r=2)
    c.oval(50, 41, 22, "dark", ry=4)
    c.box(20, 76, 80, 82, "accent", r=3)
    for x in (40, 50, 60):
        c.line([(x, 33), (x - 3, 28), (x + 2, 23), (x - 1, 18)], "light", w=2.4)


def plate(c: Canvas) -> None:
    c.oval(50, 52, 28, "main")
    c.oval(50, 52, 24, "light")
    c.oval(50, 52, 16, "accent")
    c.oval(50, 52, 14.5, "light")
    c.line([(14, 30), (14, 78)], "dark", w=3)
    for x in (11, 14, 17):
        c.line([(x, 26), (x, 38)], "dark", w=1.6)
    c.line([(86, 46), (86, 78)], "dark", w=3)
    c.oval(86, 36, 4.5, "dark", ry=10)


def bed(c: Canvas) -> None:
    c.box(16, 34, 21, 82, "dark", r=2)
    c.box(79, 52, 84, 82, "dark", r=2)
    c.box(16, 64, 84, 76, "dark", r=2)
    c.box(20, 56, 82, 68, "light", r=4)
    c.box(23, 46, 43, 58, "accent", r=5)
    c.box(40, 50, 82, 70, "main", r=5)
    for x in (50, 60, 70):
        c.line([(x, 54), (x, 66)], "light", w=1.4)


def lamp(c: Canvas) -> None:
    c.oval(50, 46, 26, "light")
    c.box(48, 46, 52, 80, "dark", r=1)
    c.box(36, 77, 64, 82, "dark", r=2.5)
    c.shape([(40, 26), (60, 26), (70, 52), (30, 52)], "main")
    c.shape([(40, 26), (47, 26), (42, 52), (30, 52)], "accent")


def basket(c: Canvas) -> None:
    c.arc(50, 48, 22, 180, 360, "dark", w=4)
    c.shape([(22, 48), (78, 48), (71, 82), (29, 82)], "main")
    for y in (56, 64, 72):
        c.line([(25, y), (75, y)], "accent", w=2)
    for x in (36, 50, 64):
        c.line([(x, 50), (50 + (x - 50) * 0.8, 81)], "dark", w=1.6)
    c.box(19, 44, 81, 51, "dark", r=3.5)


def headphones(c: Canvas) -> None:
    c.arc(50, 52, 29, 180, 360, "dark", w=5)
    c.box(18, 50, 32, 76, "main", r=6)
    c.box(68, 50, 82, 76, "main", r=6)
    c.box(28, 53, 35, 73, "accent", r=3)
    c.box(65, 53, 72, 73, "accent", r=3)


def speaker(c: Canvas) -> None:
    c.box(30, 18, 70, 82, "main", r=5)
    c.oval(50, 34, 8, "dark")
    c.oval(50, 34, 4, "metal")
    c.oval(50, 60, 15, "dark")
    c.oval(50, 60, 10, "accent")
    c.oval(50, 60, 4, "dark")


def keyboard(c: Canvas) -> None:
    c.box(12, 42, 88, 76, "dark", r=5)
    for row, y in enumerate((46, 54, 62)):
        for column in range(9):
            tone = "accent" if (row, column) in {(0, 0), (1, 8)} else "light"
            c.box(16 + column * 7.7, y, 22 + column * 7.7, y + 6, tone, r=1.2)
    c.box(31, 69, 69, 73, "main", r=1.5)


def plug(c: Canvas) -> None:
    c.line([(50, 66), (50, 76), (66, 80), (88, 78)], "dark", w=4)
    c.box(42, 20, 46, 38, "metal", r=1.5)
    c.box(54, 20, 58, 38, "metal", r=1.5)
    c.box(33, 34, 67, 52, "main", r=4)
    c.shape([(36, 50), (64, 50), (56, 68), (44, 68)], "main")
    c.shape([(52, 37), (43, 52), (49, 52), (46, 64), (57, 47), (51, 47)], "accent")


def notebook(c: Canvas) -> None:
    c.box(28, 20, 76, 82, "light", r=3)
    c.box(26, 18, 72, 80, "main", r=3)
    c.box(26, 18, 34, 80, "dark", r=3)
    c.box(42, 30, 64, 42, "light", r=2)
    c.line([(46, 36), (60, 36)], "dark", w=1.4)
    c.shape([(60, 80), (66, 80), (66, 92), (63, 88), (60, 92)], "accent")


def pencil(c: Canvas) -> None:
    for shift, tone in ((0, "main"), (22, "accent")):
        c.shape([(24 + shift, 30), (34 + shift, 30), (34 + shift, 68), (24 + shift, 68)], tone)
        c.shape([(24 + shift, 68), (34 + shift, 68), (29 + shift, 82)], "light")
        c.shape([(27 + shift, 76.5), (31 + shift, 76.5), (29 + shift, 82)], "dark")
        c.box(24 + shift, 22, 34 + shift, 30, "dark", r=2)
    c.box(66, 46, 82, 82, "dark", r=3)
    c.box(69, 40, 79, 48, "metal", r=2)
    c.box(68, 58, 80, 70, "light", r=1)


def tray(c: Canvas) -> None:
    c.line([(32, 66), (26, 28)], "accent", w=4)
    c.line([(44, 66), (46, 22)], "dark", w=4)
    c.line([(54, 66), (62, 30)], "light", w=4)
    c.box(24, 48, 62, 82, "main", r=4)
    c.box(66, 58, 84, 82, "accent", r=3)
    c.box(69, 63, 81, 67, "light", r=1)
