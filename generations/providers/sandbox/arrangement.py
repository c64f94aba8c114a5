"""What stands where in the studio: groups of solids, from the back to the front."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from generations.providers.sandbox import shapes
from generations.providers.sandbox.palettes import Palette
from generations.providers.sandbox.shapes import Colour

SOLIDS = {
    "cylinder": shapes.cylinder,
    "cone": shapes.cone,
    "block": shapes.block,
    "arch": shapes.arch,
}


@dataclass(frozen=True, slots=True)
class Thing:
    """A solid, in pixels: `x` its middle, `y` the floor under it, `lift` how far above it stands."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    colour: Colour
    lift: float = 0.0

    def draw(self, canvas: Image.Image, side: int) -> None:
        x, y = round(self.x), round(self.y - self.lift)
        size = max(4, round(self.width)), max(4, round(self.height))
        if self.lift:
            shapes.contact(canvas, x, y, size[0], side)
        if self.kind == "sphere":
            shapes.sphere(canvas, x, y, size[0] // 2, self.colour, side)
        else:
            SOLIDS[self.kind](canvas, x, y, size, self.colour, side)

    def shadow(self, side: int, reach: float) -> tuple[float, float, float, float]:
        """The box of the shadow's ellipse; `reach` 1 is the long one. Nothing under a raised thing."""
        if self.lift:
            return (-9.0, -9.0, -9.0, -9.0)
        long = reach * (0.35 * self.width + 0.7 * self.height)
        left, right = self.x - self.width * 0.5, self.x + self.width * 0.5
        left, right = (left, right + long) if side < 0 else (left - long, right)
        thick = self.width * 0.11
        return (left, self.y - thick * 1.25, right, self.y + thick * 0.75)


def arrange(
    chance: random.Random, size: tuple[int, int], horizon: int, palette: Palette, *, small: bool
) -> list[Thing]:
    """The things of a picture of `size`, whose floor begins at `horizon`, in the order to draw them.

    A wide picture has several groups. `small` leaves the wall free.
    """
    width, height = size
    groups = max(1, round(width / height / 1.5))
    unit = min(width, height * 1.1) * (0.62 if small else 1.0)
    found: list[Thing] = []
    for number in range(groups):
        middle = width * (number + 0.5) / groups
        maker = _Group(chance, middle, horizon, height - horizon, unit, palette)
        found += maker.things()
    return sorted(found, key=lambda thing: (thing.y, thing.lift))


class _Group:
    """One still life around the line x = `middle`."""

    def __init__(
        self,
        chance: random.Random,
        middle: float,
        horizon: float,
        ground: float,
        unit: float,
        palette: Palette,
    ) -> None:
        self.chance, self.middle, self.unit = chance, middle, unit
        self.horizon, self.ground = horizon, min(ground, unit * 0.5)
        self.colours = list(palette.things)
        self.mirror = 1 if chance.random() < 0.5 else -1

    def things(self) -> Iterator[Thing]:
        makers = (self._gate, self._stairs, self._pillars)
        yield from makers[int(self.chance.random() * len(makers))]()
        yield from self._pebbles()

    def _gate(self) -> Iterator[Thing]:
        yield self._thing("arch", -0.08, 0.16, 0.40, self._between(0.46, 0.56))
        yield self._thing("sphere", -0.08, 0.30, 0.15)
        yield from self._pedestal(0.22, 0.42, 0.21, self._between(0.10, 0.2), "sphere", 0.16)

    def _stairs(self) -> Iterator[Thing]:
        colour = self._colour()
        for step in range(3):
            yield self._thing(
                "block", -0.16 + 0.15 * step, 0.2 + 0.1 * step, 0.24, 0.36 - 0.12 * step, colour
            )
        yield self._thing("sphere", -0.18, 0.2, 0.14, lift=0.345)
        yield self._thing("cone", 0.3, 0.34, 0.17, self._between(0.24, 0.32))

    def _pillars(self) -> Iterator[Thing]:
        yield from self._pedestal(-0.2, 0.24, 0.2, self._between(0.3, 0.4), "sphere", 0.17)
        yield from self._pedestal(0.04, 0.16, 0.19, self._between(0.42, 0.5), "cone", 0.13)
        yield from self._pedestal(0.22, 0.44, 0.24, self._between(0.12, 0.18), "sphere", 0.18)

    def _pebbles(self) -> Iterator[Thing]:
        count = 1 + int(self.chance.random() * 2.5)
        for number in range(count):
            x = -0.36 + 0.72 * (number + self._between(0.15, 0.85)) / count
            yield self._thing("sphere", x, self._between(0.62, 0.78), self._between(0.045, 0.09))

    def _pedestal(
        self, x: float, depth: float, width: float, height: float, top: str, size: float
    ) -> Iterator[Thing]:
        yield self._thing("cylinder", x, depth, width, height)
        yield self._thing(top, x, depth, size, size * 1.5, lift=height - width * 0.085)

    def _thing(
        self,
        kind: str,
        x: float,
        depth: float,
        width: float,
        height: float = 0.0,
        colour: Colour | None = None,
        *,
        lift: float = 0.0,
    ) -> Thing:
        """In units of the group; `depth` 0 stands at the wall, 1 at the picture's foot."""
        return Thing(
            kind,
            self.middle + self.mirror * x * self.unit,
            self.horizon + depth * self.ground,
            width * self.unit,
            (height or width) * self.unit,
            colour or self._colour(),
            lift * self.unit,
        )

    def _colour(self) -> Colour:
        """A colour of the palette, none twice in a row."""
        colour = self.colours.pop(int(self.chance.random() * (len(self.colours) - 1)))
        self.colours.append(colour)
        return colour

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * self.chance.random()
