"""The things that stand in the studio: lit solids with soft edges, drawn by pillow alone.

Each takes the canvas (RGB), where it stands and how large it is in pixels, its colour, and the
side the light comes from (-1 left, 1 right). `x` is the middle, `y` the ground line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
FINE = 3  # masks are drawn this much larger and averaged: that makes the edges smooth
TEXTURE = 128  # pixels of a shading before it is stretched over its solid

BLACK: Colour = (10, 10, 20)
WHITE: Colour = (255, 252, 244)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0-1) of `other` in it."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return (r, g, b)


def ramp(stops: Sequence[Colour], size: tuple[int, int], *, across: bool = False) -> Image.Image:
    """The colours blended into one another at equal distances, downwards or `across`."""
    count = len(stops)
    line = Image.new("RGB", (count, 1) if across else (1, count))
    for place, colour in enumerate(stops):
        line.putpixel((place, 0) if across else (0, place), colour)
    fine = (TEXTURE, 1) if across else (1, TEXTURE)
    half = 0.5  # from the middle of the first colour to the middle of the last
    box = (half, 0, count - half, 1) if across else (0, half, 1, count - half)
    return line.resize(fine, Image.Resampling.BICUBIC, box=box).resize(size, Image.Resampling.BILINEAR)


def tint(levels: Image.Image, stops: Sequence[Colour]) -> Image.Image:
    """The levels (L) as colours: 0 becomes the first stop, 255 the last."""
    table = ramp(stops, (256, 1), across=True).tobytes()
    return levels.convert("RGB").point([*table[0::3], *table[1::3], *table[2::3]])


def mask(size: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Image.Image:
    """A mask (L) with smooth edges. `draw` gets a drawing and the factor to enlarge by."""
    large = Image.new("L", (size[0] * FINE, size[1] * FINE))
    draw(ImageDraw.Draw(large), FINE)
    return large.reduce(FINE)


def sphere(canvas: Image.Image, x: int, y: int, r: int, colour: Colour, side: int) -> None:
    """A ball of radius `r` that rests on `y`."""
    far = TEXTURE * 2
    glow = Image.radial_gradient("L").resize((far, far), Image.Resampling.BILINEAR)
    left = round(far / 2 - TEXTURE * (0.5 + 0.21 * side))
    top = round(far / 2 - TEXTURE * 0.30)
    lit = glow.crop((left, top, left + TEXTURE, top + TEXTURE))
    light, dark = mix(colour, WHITE, 0.42), mix(colour, BLACK, 0.56)
    stops = (
        mix(colour, WHITE, 0.74),
        light,
        colour,
        mix(colour, BLACK, 0.2),
        mix(colour, BLACK, 0.42),
        dark,
        dark,
    )
    shaded = tint(lit, stops)
    left = round(far / 2 - TEXTURE * (0.5 - 0.30 * side))
    bounce = glow.crop((left, 10, left + TEXTURE, 10 + TEXTURE)).point(lambda v: max(0, 92 - v))
    shaded.paste(mix(colour, WHITE, 0.45), mask=bounce)
    _put(
        canvas,
        shaded,
        (x - r, y - 2 * r),
        (2 * r, 2 * r),
        lambda d, f: d.ellipse((0, 0, 2 * r * f, 2 * r * f), 255),
    )


def contact(canvas: Image.Image, x: int, y: int, width: int, side: int) -> None:
    """The small shadow of something `width` wide that stands on another thing."""
    size = width, max(2, width // 5)
    dark = Image.radial_gradient("L").resize(size, Image.Resampling.BILINEAR).point(lambda v: max(0, 150 - v))
    canvas.paste(BLACK, (x - width // 2 - side * width // 14, y - size[1] * 2 // 3), dark)


def cylinder(canvas: Image.Image, x: int, y: int, size: tuple[int, int], colour: Colour, side: int) -> None:
    """A round pedestal, `size` wide and high."""
    width, height = size
    rim = max(2, round(width * 0.17))

    def body(d: ImageDraw.ImageDraw, f: int) -> None:
        d.rectangle((0, rim * f // 2, width * f, (height - rim // 2) * f), 255)
        d.ellipse((0, (height - rim) * f, width * f, height * f), 255)

    _put(canvas, ramp(_round(colour, side), size, across=True), (x - width // 2, y - height), size, body)
    top = ramp([mix(colour, WHITE, 0.42), mix(colour, WHITE, 0.24)], (width, rim))
    corner = (x - width // 2, y - height)
    _put(canvas, top, corner, (width, rim), lambda d, f: d.ellipse((0, 0, width * f, rim * f), 255))


def cone(canvas: Image.Image, x: int, y: int, size: tuple[int, int], colour: Colour, side: int) -> None:
    """A cone, `size` wide and high; its shading runs together at the tip."""
    width, height = size
    rim = max(2, round(width * 0.15))
    flat = ramp(_round(colour, side), (TEXTURE, TEXTURE), across=True)
    # Each line of the solid shows the whole shading, narrower towards the tip: a perspective.
    tip, reach = height / 50, 0.96
    narrow = TEXTURE * reach * (height + tip) / (width * tip)
    middle = TEXTURE / 2 - narrow * width / 2
    bend = (narrow, TEXTURE / 2 / tip, middle, 0.0, TEXTURE / 2 / tip, TEXTURE / 2, 0.0, 1 / tip)
    shaded = flat.transform(size, Image.Transform.PERSPECTIVE, bend, Image.Resampling.BILINEAR)

    def body(d: ImageDraw.ImageDraw, f: int) -> None:
        low = (height - rim / 2) * f
        d.polygon([(width * f / 2, 0), (width * f, low), (0, low)], 255)
        d.ellipse((0, (height - rim) * f, width * f, height * f), 255)

    _put(canvas, shaded, (x - width // 2, y - height), size, body)


def block(canvas: Image.Image, x: int, y: int, size: tuple[int, int], colour: Colour, side: int) -> None:
    """A box seen from the front and a little from above."""
    width, height = size
    top = max(2, round(width * 0.10))
    front = ramp([mix(colour, BLACK, 0.04), mix(colour, BLACK, 0.24)], (width, height - top))
    lid = ramp([mix(colour, WHITE, 0.62), mix(colour, WHITE, 0.44)], (width, top))
    corner = (x - width // 2, y - height)

    def trapezium(d: ImageDraw.ImageDraw, f: int) -> None:
        inset = top * f * 0.9
        d.polygon([(inset, 0), (width * f - inset, 0), (width * f, top * f), (0, top * f)], 255)

    _put(canvas, lid, corner, (width, top), trapezium)
    canvas.paste(front, (corner[0], corner[1] + top))
    edge = ramp(
        [mix(colour, WHITE, 0.22), mix(colour, BLACK, 0.16)][::-side], (width, height - top), across=True
    )
    canvas.paste(edge, (corner[0], corner[1] + top), Image.new("L", edge.size, 90))


def arch(canvas: Image.Image, x: int, y: int, size: tuple[int, int], colour: Colour, side: int) -> None:
    """A gate with a round top; the wall is seen through it."""
    width, height = size
    thick = width * 0.24
    deep = width * 0.10

    def gate(d: ImageDraw.ImageDraw, f: int, shrink: float, fill: int, shift: float = 0.0) -> None:
        left, right = (shrink + shift) * f, (width - shrink + shift) * f
        d.ellipse((left, shrink * f, right, shrink * f + (right - left)), fill)
        d.rectangle((left, shrink * f + (right - left) / 2, right, height * f), fill)

    def face(d: ImageDraw.ImageDraw, f: int) -> None:
        gate(d, f, 0, 255)
        gate(d, f, thick, 0)

    def depth(d: ImageDraw.ImageDraw, f: int) -> None:
        gate(d, f, thick, 255)
        gate(d, f, thick + deep / 2, 0, -side * deep / 2)

    corner = (x - width // 2, y - height)
    inner = ramp([mix(colour, BLACK, 0.5), mix(colour, BLACK, 0.12)][::-side], size, across=True)
    _put(canvas, inner, corner, size, depth)
    front = ramp([mix(colour, WHITE, 0.24), colour, mix(colour, BLACK, 0.18)], size)
    _put(canvas, front, corner, size, face)


def _round(colour: Colour, side: int) -> Sequence[Colour]:
    """The shades around something round, from left to right."""
    dark, light = mix(colour, BLACK, 0.5), mix(colour, WHITE, 0.34)
    shades = [
        mix(colour, BLACK, 0.16),
        light,
        mix(colour, WHITE, 0.08),
        mix(colour, BLACK, 0.22),
        dark,
        mix(dark, colour, 0.4),
    ]
    return shades if side < 0 else shades[::-1]


def _put(
    canvas: Image.Image,
    texture: Image.Image,
    corner: tuple[int, int],
    size: tuple[int, int],
    draw: Callable[[ImageDraw.ImageDraw, int], None],
) -> None:
    canvas.paste(texture.resize(size, Image.Resampling.BICUBIC), corner, mask(size, draw))
