"""A stranger's picture, decoded in a child process of its own; here only what the child wrote is read.

The child (`decode_child`) has an empty environment, no memory or time to waste and no way out; what
it may be asked to decode is told by the file's first bytes, never by a claimed type or name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from generations import outputs
from generations.inputs.decode_child import MAX_PIXELS, MAX_SIDE, Verdict
from generations.inputs.refusal import Refused, not_an_image
from generations.inputs.turns import turns
from generations.spec import Kind

CHILD = Path(__file__).with_name("decode_child.py")
WALL_SECONDS = 30.0
MOST_BYTES = 64 * 2**20
"""Of a re-encoded picture."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as our decoder wrote it, and what it was before (`PNG`, `JPEG`, `WEBP`, `HEIF`, `GIF`)."""

    data: bytes
    was: str
    mime: str
    extension: str
    width: int
    height: int
    sha256: str

    @property
    def alpha(self) -> bool:
        """Whether it has an alpha channel: the colour type of a PNG says so."""
        return self.mime == "image/png" and self.data[25] in (4, 6)


async def decode(data: bytes, *, gif: bool = False) -> Decoded:
    """The picture anew: upright, sRGB, 8 bits a channel, no metadata; equal files give equal bytes.

    Takes PNG, JPEG, WebP, HEIC and HEIF, with `gif` the first frame of a GIF too. Raises Refused.
    """
    was = recognise(data, gif=gif)
    async with turns().decoders:
        verdict, made = await _converse(was, data)
    if verdict != Verdict.DECODED:
        raise _refusal(verdict)
    return await asyncio.to_thread(as_written, made, was)


def as_written(data: bytes, was: str = "") -> Decoded:
    """What our decoder wrote, now or earlier, verified. Raises Refused."""
    try:
        sure = outputs.verify(data)
    except outputs.BadImage:
        raise _refusal(Verdict.BROKEN) from None
    return Decoded(
        data, was or sure.extension.upper(), sure.mime, sure.extension, sure.width, sure.height, sure.sha256
    )


# ---- by content --------------------------------------------------------------------------------

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AV1_BRANDS = {b"avif", b"avis"}


def recognise(data: bytes, *, gif: bool = False) -> str:
    """The format that the first bytes promise. Raises Refused(UNSUPPORTED_MEDIA)."""
    if not data:
        raise not_an_image("is empty.")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if _is_heif(data):
        return "HEIF"
    if gif and data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    known = "a PNG, JPEG, WebP, HEIC, HEIF or GIF image" if gif else "a PNG, JPEG, WebP, HEIC or HEIF image"
    raise Refused(Kind.UNSUPPORTED_MEDIA, "unsupported_media", f"is not {known}.")


def _is_heif(data: bytes) -> bool:
    """An ISO media file whose first box names a brand of HEIF and none of AV1."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return data[4:8] == b"ftyp" and bool(brands & _HEIF_BRANDS) and not brands & _AV1_BRANDS


# ---- the child ---------------------------------------------------------------------------------


async def _converse(was: str, data: bytes) -> tuple[int, bytes]:
    """The child's exit code and all it wrote. Raises Refused when it takes or writes too much."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(CHILD), was,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd="/", start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    feeding = asyncio.ensure_future(_feed(child.stdin, data))
    try:
        async with asyncio.timeout(WALL_SECONDS):
            made = await _collect(child.stdout)
            return await child.wait(), made
    except TimeoutError:
        raise _refusal(Verdict.TOO_MUCH_MEMORY) from None
    finally:
        feeding.cancel()
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # it leads a group of its own
            await child.communicate()  # its end is noticed only when its pipe is read empty


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # a child that gave up early says why by its exit code
        stdin.write(data)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _collect(stdout: asyncio.StreamReader) -> bytes:
    try:
        await stdout.readexactly(MOST_BYTES + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise _refusal(Verdict.TOO_MUCH_MEMORY)


def _refusal(verdict: int) -> Refused:
    """What the customer is told. A child that a signal ended was over its limits, or broke."""
    if verdict == Verdict.TOO_MANY_PIXELS:
        limits = f"{MAX_PIXELS // 10**6} million pixels, or more than {MAX_SIDE} on a side"
        return Refused(Kind.TOO_LARGE, "image_too_large", f"has more than {limits}.")
    if verdict == Verdict.ANIMATED:
        return Refused(Kind.UNSUPPORTED_MEDIA, "animated", "is an animation. Send one still picture.")
    if verdict == Verdict.TOO_MUCH_MEMORY or verdict < 0:
        return Refused(
            Kind.TOO_LARGE, "image_too_large", "takes more memory or time to decode than a picture may."
        )
    return not_an_image("is not a whole, readable image.")
