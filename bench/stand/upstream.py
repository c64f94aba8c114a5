"""A lean Gemini for benchmarks: answers at once (or after `--hold` seconds) with one canned image.

The strict stub of the tests draws and checks; here the upstream must cost as little as possible.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os

from aiohttp import web
from PIL import Image


def picture(size: int) -> bytes:
    """A real PNG of 1024 x 1024 pixels and at least `size` bytes: two halves, or half of it noise. A
    plain or a small one would be no image worth its price."""
    side = 1024
    if size <= 4096:
        image = Image.new("1", (side, side))
        image.paste(1, (side // 2, 0, side, side))
    else:
        noise = os.urandom(min(size, side * side * 3))
        image = Image.frombytes("RGB", (side, side), noise.ljust(side * side * 3, b"\x80"))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def body(size: int) -> bytes:
    """The answer of `generateContent` with that picture."""
    data = base64.b64encode(picture(size)).decode()
    parts = [{"inlineData": {"mimeType": "image/png", "data": data}}]
    answer = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1290, "totalTokenCount": 1295},
        "modelVersion": "gemini-2.5-flash-image",
        "responseId": "bench",
    }
    return json.dumps(answer).encode()


def application(size: int, hold: float) -> web.Application:
    canned = body(size)

    async def generate(request: web.Request) -> web.Response:
        await request.read()
        if hold:
            await asyncio.sleep(hold)
        return web.Response(body=canned, content_type="application/json")

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/{tail:.*}", generate)
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bytes", type=int, default=1024)
    parser.add_argument("--hold", type=float, default=0.0)
    told = parser.parse_args()
    web.run_app(
        application(told.bytes, told.hold),
        host="127.0.0.1",
        port=told.port,
        print=None,
        access_log=None,
        backlog=4096,
    )


if __name__ == "__main__":
    main()
