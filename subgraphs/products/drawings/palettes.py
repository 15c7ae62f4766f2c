"""Colours that go together, as `#rrggbb`."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Palette:
    """`paper` and `sun` lie behind the motif, which is in the others; `main` has most of it."""

    paper: str
    sun: str
    main: str
    dark: str
    light: str
    accent: str
    metal: str = "#b9c0c7"
    leaf: str = "#5f9142"

    def varied(self, number: int) -> "Palette":
        """One of four ways to give the colours out."""
        turns = (
            self,
            replace(self, main=self.accent, accent=self.main),
            replace(self, paper=self.sun, sun=self.paper),
            replace(self, paper=self.sun, sun=self.paper, main=self.accent, accent=self.main),
        )
        return turns[number % len(turns)]


PALETTES = {
    "terracotta": Palette("#f6e7d8", "#efcfb3", "#c2593f", "#5a2a27", "#fbf6ee", "#d99a4e"),
    "sand": Palette("#f3ecdf", "#e6d5b8", "#a9825a", "#4b3a2f", "#fffaf0", "#7f9183"),
    "slate": Palette("#e6eaf1", "#cbd4e4", "#3f5b8c", "#1f2a44", "#f8fafd", "#e08a5b"),
    "forest": Palette("#e4ede4", "#c6dcc8", "#3c7a5a", "#1e3d34", "#f7fbf3", "#e0a33e"),
    "meadow": Palette("#eef3df", "#d7e5b5", "#6d9a3f", "#33502a", "#fcfdf4", "#c96f4a"),
    "ink": Palette("#ece9f2", "#d6d0e6", "#4a4e8f", "#25254a", "#fdfbff", "#d7795f"),
    "plum": Palette("#f5e6ea", "#eac8d2", "#9a4766", "#4a2238", "#fff7f8", "#4f8a8b"),
    "carnival": Palette("#fdf0d5", "#f9dc9c", "#d1495b", "#2e4057", "#fffdf6", "#2a9d8f"),
    "workshop": Palette("#eceef0", "#d5dade", "#d9772b", "#353c44", "#fafbfb", "#5c7f95"),
}
