"""The sandbox's pictures: a still life in a well-lit studio, composed from the prompt.

`picture` is deterministic: the same arguments give the same pixels on every machine with the same
pillow. It draws about a megapixel and stretches it where more is wanted.
"""

from __future__ import annotations

import hashlib
import io
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from generations.providers.sandbox import shapes
from generations.providers.sandbox.arrangement import Thing, arrange
from generations.providers.sandbox.palettes import Palette, palette_for
from generations.providers.sandbox.shapes import BLACK, WHITE, Colour, mix, ramp

AREA = 1_300_000  # pixels drawn at most; larger pictures are stretched
SOFT = 320  # longer side of what is blurred anyway: light and shadow
LABEL = "SANDBOX"
CAPTION_LETTERS = 72

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def picture(
    prompt: str, ratio: str, size: tuple[int, int], seed: int, index: int, shown: Sequence[bytes] = ()
) -> bytes:
    """A PNG of exactly `size` pixels, marked SANDBOX, number `index` of its request.

    `shown` are the files of images to hang on the wall, side by side. Raises OSError if one is no image.
    """
    scene = Scene(prompt, ratio, size, seed, index)
    canvas = scene.draw(shown)
    if canvas.size != size:
        canvas = canvas.resize(size, Image.Resampling.BICUBIC)
    _sign(canvas, prompt, scene.palette)
    file = io.BytesIO()
    canvas.save(file, "PNG", compress_level=1)
    return file.getvalue()


class Scene:
    """One composition. All chance comes from a hash of the arguments."""

    def __init__(self, prompt: str, ratio: str, size: tuple[int, int], seed: int, index: int) -> None:
        asked = f"{prompt}\0{ratio}\0{size[0]}x{size[1]}\0{seed}\0{index}".encode("utf-8", "surrogatepass")
        self.chance = random.Random(hashlib.sha256(asked).digest())  # noqa: S311  a picture, no secret
        shrink = min(1.0, math.sqrt(AREA / (size[0] * size[1])))
        self.size = self.width, self.height = max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
        self.unit = min(self.width, self.height * 1.1)
        soft = SOFT / max(self.size)
        self.soft = max(8, round(self.width * soft)), max(8, round(self.height * soft))
        self.palette = palette_for(prompt, self.chance)
        self.side = -1 if self.chance.random() < 0.6 else 1
        ground = min(self._between(0.27, 0.33) * self.height, 0.6 * self.width)
        self.horizon = round(self.height - ground)

    def draw(self, shown: Sequence[bytes]) -> Image.Image:
        """The scene without its marks. `shown` hang on the wall, else a painted disc does."""
        canvas = self._wall()
        self._daylight(canvas)
        if not shown:
            self._discs(canvas)
        for place, file in enumerate(shown):
            self._hang(canvas, file, place, len(shown))
        self._floor(canvas)
        things = arrange(self.chance, self.size, self.horizon, self.palette, small=bool(shown))
        self._shadows(canvas, things)
        for thing in things:
            thing.draw(canvas, self.side)
        return canvas

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * self.chance.random()

    def _wall(self) -> Image.Image:
        """The wall, brighter where the light comes from."""
        lit, dim = self.palette.wall
        wall = ramp([lit, mix(lit, dim, 0.6), dim], self.soft)
        pool = Image.radial_gradient("L").resize((self.soft[0] * 2, self.soft[1] * 2))
        left = round(self.soft[0] * (0.5 + 0.28 * self.side))
        top = round(self.soft[1] * 0.7)
        pool = pool.crop((left, top, left + self.soft[0], top + self.soft[1]))
        gloom = [round(70 - 70 * math.cos(v / 255 * math.pi)) for v in range(256)]
        wall.paste(mix(dim, BLACK, 0.25), mask=pool.point(gloom))
        glow = [round(60 + 60 * math.cos(v / 200 * math.pi)) if v < 200 else 0 for v in range(256)]
        wall.paste(mix(lit, WHITE, 0.7), mask=pool.point(glow))
        return wall.resize(self.size, Image.Resampling.BICUBIC)

    def _daylight(self, canvas: Image.Image) -> None:
        """A window that is not in the picture throws its panes on the wall."""
        light = Image.new("L", self.soft)
        draw = ImageDraw.Draw(light)
        width, height = self.soft
        unit = min(width, height)
        left = width * self._between(0.42, 0.58) - self.side * unit * 0.1
        lean, pane = self.side * unit * self._between(0.16, 0.28), unit * 0.2
        for row in range(3):
            for column in (-1, 0):
                x, y = left + column * pane * 1.1 - lean * row / 2, height * 0.05 + row * pane * 1.12
                above = (x, y), (x + pane, y - pane * 0.1)
                below = (x + pane - lean / 2, y + pane * 0.9), (x - lean / 2, y + pane)
                draw.polygon([*above, *below], 118)
        light = light.filter(ImageFilter.GaussianBlur(max(1.0, unit / 90)))
        mask = light.resize(self.size, Image.Resampling.BICUBIC)
        canvas.paste(mix(self.palette.wall[0], WHITE, 0.3 if self.palette.dark else 0.75), mask=mask)

    def _discs(self, canvas: Image.Image) -> None:
        """Painted discs, like a sun behind the things; a very wide or tall wall has several."""
        count = max(1, round(self.width / self.height / 2))
        for step in range(count):
            self._disc(canvas, across=step - (count - 1) / 2, above=0)
        for step in range(1, round(self.height / self.width / 1.6)):
            self._disc(canvas, across=0, above=step)

    def _disc(self, canvas: Image.Image, *, across: float, above: float) -> None:
        """One disc, so many places beside the middle and above the floor."""
        colour = self.palette.things[int(self._between(0, 2.99))]
        r = round(self.unit * self._between(0.2, 0.27) * 0.8**above)
        aside = self.side * self.unit * self._between(-0.16, 0.16) + across * self.height * 2
        x = round(self.width * 0.5 + aside)
        y = round(self.horizon - r * self._between(0.75, 1.45) - above * self.width)
        paint = ramp([mix(colour, WHITE, 0.12), mix(colour, self.palette.wall[1], 0.5)], (2 * r, 2 * r))
        round_mask = shapes.mask((2 * r, 2 * r), lambda d, f: d.ellipse((0, 0, 2 * r * f, 2 * r * f), 235))
        canvas.paste(paint, (x - r, y - r), round_mask)

    def _hang(self, canvas: Image.Image, shown: bytes, place: int, places: int) -> None:
        """An image on the wall, in a frame, with its shadow, at one of so many places."""
        art = Image.open(io.BytesIO(shown)).convert("RGB")
        room = self.width / places
        most = room * 0.72, (self.horizon - self.height * 0.05) * 0.86
        scale = min(most[0] / art.width, most[1] / art.height)
        size = max(1, round(art.width * scale)), max(1, round(art.height * scale))
        border = max(2, round(self.unit * 0.022))
        wood = mix(self.palette.things[0], BLACK, 0.55)
        framed = art.resize(size, Image.Resampling.BICUBIC)
        framed = ImageOps.expand(ImageOps.expand(framed, border, (250, 248, 243)), border // 2, wood)
        left, top = (
            round(room * place) + (round(room) - framed.width) // 2,
            max(border, round((self.horizon - framed.height) * 0.45)),
        )
        self._shade(canvas, (left - self.side * border, top + border * 1.6, *framed.size))
        canvas.paste(framed, (left, top))

    def _shade(self, canvas: Image.Image, box: tuple[float, float, float, float]) -> None:
        """A soft rectangular shadow on the wall: left, top, width, height."""
        layer = Image.new("L", self.soft)
        left, top, width, height = (v * self.soft[0] / self.width for v in box)
        ImageDraw.Draw(layer).rectangle((left, top, left + width, top + height), 115)
        layer = layer.filter(ImageFilter.GaussianBlur(4)).resize(self.size, Image.Resampling.BICUBIC)
        canvas.paste(mix(self.palette.wall[1], BLACK, 0.7), mask=layer)

    def _floor(self, canvas: Image.Image) -> None:
        near, far = self.palette.floor
        size = self.width, self.height - self.horizon
        floor = ramp([mix(far, self.palette.wall[1], 0.35), near, mix(near, far, 0.55), far], size)
        edge = Image.linear_gradient("L").resize(size).point(lambda v: min(255, v * 9))
        canvas.paste(floor, (0, self.horizon), edge)

    def _shadows(self, canvas: Image.Image, things: list[Thing]) -> None:
        """Each thing throws a long shadow away from the light, and a dark one where it stands."""
        shadow = Image.new("L", self.soft)
        scale = self.soft[0] / self.width
        for strength, reach, blur in ((74, 1.0, 5.0), (150, 0.12, 1.6)):
            layer = Image.new("L", self.soft)
            draw = ImageDraw.Draw(layer)
            for thing in things:
                draw.ellipse(tuple(v * scale for v in thing.shadow(self.side, reach)), strength)
            shadow = ImageChops.lighter(shadow, layer.filter(ImageFilter.GaussianBlur(blur)))
        colour = mix(self.palette.floor[1], BLACK, 0.72)
        canvas.paste(colour, mask=shadow.resize(self.size, Image.Resampling.BICUBIC))


# ---- the marks -------------------------------------------------------------------------------


def _sign(canvas: Image.Image, prompt: str, palette: Palette) -> None:
    """SANDBOX in a corner, and the prompt's first words at the foot."""
    letters = max(10, round(math.sqrt(canvas.width * canvas.height) / 58))
    letters = min(letters, max(9, canvas.width // 14))
    font = ImageFont.load_default(letters)
    draw = ImageDraw.Draw(canvas)
    margin = round(letters * 1.3)
    _pill(canvas, canvas.width - margin, margin, font, letters)
    words = _caption(prompt, font, canvas.width - 2 * margin)
    ink: Colour = mix(palette.floor[1], WHITE if palette.dark else BLACK, 0.72)
    draw.text((margin, canvas.height - margin), words, fill=ink, font=font, anchor="ls")


def _pill(canvas: Image.Image, right: int, top: int, font: Font, em: int) -> None:
    width, height = round(font.getlength(LABEL) + em * 1.2), round(em * 1.8)
    pill = shapes.mask(
        (width, height), lambda d, f: d.rounded_rectangle((0, 0, width * f, height * f), height * f / 2, 255)
    )
    canvas.paste((24, 24, 32), (right - width, top), pill)
    middle = right - width / 2, top + height / 2
    ImageDraw.Draw(canvas).text(middle, LABEL, fill=(255, 255, 255), font=font, anchor="mm")


def _caption(prompt: str, font: Font, room: float) -> str:
    """As many of the prompt's letters as there is room for, of those that the font has."""
    words = " ".join("".join(c for c in prompt if " " <= c <= "~" or "\xa1" <= c <= "\xff").split())
    if len(words) <= CAPTION_LETTERS and font.getlength(words) <= room:
        return words
    kept = words[:CAPTION_LETTERS]
    while kept and font.getlength(kept + "...") > room:
        kept = kept[:-1]
    return kept.rstrip(" ,.;:") + "..." if kept else ""
