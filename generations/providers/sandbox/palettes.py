"""The colours of the studio: light walls, floors, and things to put into it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from generations.providers.sandbox.shapes import Colour


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a studio, and the words in a prompt that call for it."""

    wall: tuple[Colour, Colour]
    floor: tuple[Colour, Colour]
    things: tuple[Colour, ...]
    words: tuple[str, ...] = ()

    @property
    def dark(self) -> bool:
        return sum(self.wall[0]) < 330


PALETTES = (
    Palette(
        ((244, 226, 208), (226, 190, 166)),
        ((236, 208, 186), (206, 160, 134)),
        ((204, 92, 62), (236, 170, 92), (58, 92, 106), (246, 234, 216), (150, 58, 60)),
        ("autumn", "desert", "clay", "warm", "mars", "canyon", "coffee", "brick"),
    ),
    Palette(
        ((206, 226, 234), (150, 190, 210)),
        ((214, 226, 228), (142, 176, 192)),
        ((26, 78, 130), (240, 244, 240), (242, 128, 96), (92, 164, 184), (250, 206, 120)),
        ("sea", "ocean", "water", "rain", "winter", "ice", "snow", "sky", "blue", "boat", "lake"),
    ),
    Palette(
        ((222, 230, 210), (172, 192, 156)),
        ((226, 224, 200), (166, 176, 136)),
        ((54, 96, 70), (236, 196, 110), (196, 110, 72), (244, 240, 226), (124, 158, 110)),
        ("forest", "tree", "garden", "leaf", "green", "jungle", "plant", "spring", "meadow"),
    ),
    Palette(
        ((246, 206, 196), (226, 150, 158)),
        ((246, 214, 204), (206, 132, 146)),
        ((188, 58, 92), (250, 228, 214), (252, 168, 120), (96, 66, 112), (240, 192, 90)),
        ("rose", "love", "pink", "flower", "sunset", "dawn", "portrait", "peach", "candy"),
    ),
    Palette(
        ((58, 64, 104), (30, 34, 66)),
        ((76, 78, 122), (28, 30, 58)),
        ((242, 176, 96), (116, 120, 214), (232, 98, 110), (214, 222, 246), (70, 158, 178)),
        ("night", "space", "moon", "star", "galaxy", "dark", "neon", "cyber", "midnight"),
    ),
    Palette(
        ((226, 218, 240), (178, 164, 214)),
        ((226, 220, 240), (160, 146, 200)),
        ((106, 78, 174), (246, 238, 250), (246, 178, 116), (222, 110, 160), (84, 140, 190)),
        ("dream", "magic", "purple", "lavender", "fantasy", "unicorn", "wizard"),
    ),
    Palette(
        ((240, 234, 222), (212, 204, 190)),
        ((232, 226, 214), (186, 176, 160)),
        ((36, 64, 168), (228, 74, 54), (246, 190, 60), (44, 44, 52), (250, 246, 238)),
        ("bauhaus", "product", "logo", "poster", "modern", "architecture", "city", "minimal"),
    ),
    Palette(
        ((248, 224, 158), (240, 186, 96)),
        ((250, 226, 168), (222, 160, 78)),
        ((226, 84, 54), (254, 246, 228), (44, 110, 120), (250, 170, 60), (128, 52, 48)),
        ("sun", "summer", "beach", "lemon", "honey", "gold", "yellow", "orange", "morning"),
    ),
)


def palette_for(prompt: str, chance: random.Random) -> Palette:
    """The palette that the first telling word of a prompt calls for, else any."""
    for word in re.findall(r"[a-z]+", prompt.lower()):
        for palette in PALETTES:
            if word in palette.words or word.removesuffix("s") in palette.words:
                return palette
    return PALETTES[int(chance.random() * len(PALETTES))]
