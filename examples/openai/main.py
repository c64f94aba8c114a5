"""OpenAI's own Python client at Easel: draw, change, mask, stream, and read what it cost.

pip install openai
EASEL_URL=http://localhost:8000 EASEL_KEY=easel_test_... python main.py [folder]
"""

from __future__ import annotations

import base64
import os
import struct
import sys
import zlib
from pathlib import Path

import openai

MODEL = "gemini-2.5-flash-image"
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
URL = os.environ["EASEL_URL"].rstrip("/") + "/openai/v1"

client = openai.OpenAI(base_url=URL, api_key=os.environ["EASEL_KEY"])


def main() -> None:
    print("models:", ", ".join(model.id for model in client.models.list()))
    drawn = draw("A lighthouse at dusk, watercolour")
    change(drawn, "The same lighthouse in the snow")
    repaint(drawn, "A full moon")
    watch("A paper boat on a calm lake")
    explain()


def draw(prompt: str) -> Path:
    """A picture from words. `aspect_ratio` is Easel's; the client passes it on as it is."""
    answer = client.images.generate(model=MODEL, prompt=prompt, extra_body={"aspect_ratio": "16:9"})
    assert answer.data
    return keep("drawn.png", answer.data[0].b64_json)


def change(picture: Path, prompt: str) -> Path:
    """A picture from pictures: up to 16 of them."""
    with picture.open("rb") as file:
        answer = client.images.edit(model=MODEL, image=[file], prompt=prompt, output_format="webp")
    assert answer.data
    return keep("changed.webp", answer.data[0].b64_json)


def repaint(picture: Path, prompt: str) -> Path:
    """Only where the mask is transparent: here in its upper half."""
    with picture.open("rb") as file:
        mask = ("mask.png", half_transparent(*size_of(picture)), "image/png")
        answer = client.images.edit(model=MODEL, image=file, mask=mask, prompt=prompt)
    assert answer.data
    return keep("repainted.png", answer.data[0].b64_json)


def watch(prompt: str) -> None:
    """Events: small previews, then the picture."""
    for event in client.images.generate(model=MODEL, prompt=prompt, stream=True, partial_images=2):
        if event.type == "image_generation.partial_image":
            keep(f"watched-{event.partial_image_index}.png", event.b64_json)
        elif event.type == "image_generation.completed":
            keep("watched.png", event.b64_json)


def explain() -> None:
    """What went wrong is an exception; what was adjusted and what it cost are headers."""
    try:
        client.images.generate(model=MODEL, prompt="A lamp", n=11)
    except openai.BadRequestError as error:
        print("refused:", error.message)
    raw = client.images.with_raw_response.generate(model=MODEL, prompt="A lamp", size="1792x1024")
    for name in ("x-easel-generation", "x-easel-tokens", "x-easel-cost-usd", "x-easel-adjusted"):
        print(f"{name}: {raw.headers[name]}")


def keep(name: str, image: str | None) -> Path:
    """Writes a picture into the folder."""
    path = FOLDER / name
    path.write_bytes(base64.b64decode(image or ""))
    print("wrote", path)
    return path


def size_of(png: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def half_transparent(width: int, height: int) -> bytes:
    """A PNG with an alpha channel whose upper half is transparent."""
    rows = [b"\0" + bytes((0, 0, 0, 0 if y < height // 2 else 255)) * width for y in range(height)]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows))),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


if __name__ == "__main__":
    main()
