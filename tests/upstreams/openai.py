"""OpenAI's Images API on a loopback port, as strict on requests as OpenAI is, and as bad as you ask.

    async with Upstream() as server: ...        in the running event loop
    with Upstream.in_thread() as server: ...     beside synchronous code

`server.url` is the base URL (with its version), `KEY` the key it takes, `server.calls` what was asked.
Markers in the prompt choose how a call is answered: `stub:503`, `stub:429=20` (Retry-After),
`stub:block`, `stub:url` (images behind addresses), `stub:few=2`, `stub:badjson`, `stub:html`,
`stub:empty`, `stub:hang`, `stub:quota`, `stub:echo`, `stub:elsewhere` (an address on this machine that is
not ours). `server.program(...)` sets the same for calls to come.
"""

from __future__ import annotations

import asyncio
import base64
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.upstreams.gemini import pictures

KEY = "sk-stub-0123456789abcdef"
MARKER = re.compile(r"stub:([a-z0-9]+)(?:=(\d+))?")
GPT = "gpt-image-1"
SIZES = {
    GPT: {"auto", "1024x1024", "1536x1024", "1024x1536"},
    "gemini-2.5-flash-image": None,  # a relay's: any size
    "dall-e-2": {"256x256", "512x512", "1024x1024"},
}
FIELDS = {
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "user",
}
QUALITIES = {"auto", "low", "medium", "high"}


class Refused(Exception):
    """A request that OpenAI answers with 400."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


@dataclass
class Call:
    """One request: its path, its fields as text, the files by field, its headers without the key."""

    path: str
    fields: dict[str, Any]
    files: list[tuple[str, bytes]] = field(default_factory=list)


class Upstream:
    """The stub, on a free port."""

    def __init__(self) -> None:
        self.port = 0
        self.calls: list[Call] = []
        self.fetched = 0
        self._programme: list[str] = []
        self._files: list[bytes] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def program(self, markers: str, times: int = 1) -> None:
        """Answer the next calls as these markers say."""
        self._programme += [markers] * times

    async def __aenter__(self) -> Upstream:
        app = web.Application(client_max_size=100 * 2**20)
        app.add_routes(
            [
                web.post("/v1/images/generations", self._generate),
                web.post("/v1/images/edits", self._edit),
                web.get("/v1/models", self._list),
                web.get("/files/{number}.png", self._file),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    @classmethod
    @contextmanager
    def in_thread(cls) -> Iterator[Upstream]:
        """The stub in an event loop of its own thread."""
        upstream, loop, ready = cls(), asyncio.new_event_loop(), threading.Event()
        stop = asyncio.Event()

        async def serve() -> None:
            async with upstream:
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        try:
            assert ready.wait(10)
            yield upstream
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

    # ---- OpenAI ------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, f"Incorrect API key provided: {request.headers.get('Authorization')}.", "", "")
        return web.json_response({"object": "list", "data": [{"id": model} for model in SIZES]})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return _error(400, "We could not parse the JSON body of your request.", "", "invalid_json")
        return await self._answer(request, Call(request.path, dict(await request.json())))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.path, {})
        async for part in await request.multipart():
            assert part.name
            if part.filename:
                assert part.headers["Content-Type"] in ("image/png", "image/jpeg", "image/webp")
                call.files.append((part.name, await part.read()))
            else:
                text = await part.text()
                call.fields[part.name] = int(text) if part.name == "n" else text
        return await self._answer(request, call)

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided.", "", "invalid_api_key")
        try:
            _check(call)
        except Refused as refused:
            return _error(400, refused.message, refused.param, refused.code)
        self.calls.append(call)
        said = self._programme.pop(0) if self._programme else str(call.fields["prompt"])
        return await self._behave(request, call, dict(MARKER.findall(said)))

    async def _behave(self, request: web.Request, call: Call, said: Mapping[str, str]) -> web.StreamResponse:
        status = next((int(word) for word in said if word.isdigit()), 0)
        if status:
            wait = {"Retry-After": said[str(status)]} if said[str(status)] else {}
            return _error(status, "The server had an error.", "", "server_error", wait)
        if "hang" in said:
            await asyncio.sleep(3600)
        if "block" in said:
            return _error(400, "Your request was rejected.", "", "moderation_blocked")
        if "quota" in said:
            return _error(429, "You exceeded your current quota.", "", "insufficient_quota")
        if "echo" in said:
            return _error(500, f"cannot forward {request.headers['Authorization']}", "", "server_error")
        if "badjson" in said:
            return web.Response(text='{"data": [{', content_type="application/json")
        if "html" in said:
            return web.Response(text="<h1>Sorry</h1>", content_type="text/html")
        return web.json_response(self._body(call, said), headers={"x-request-id": f"req-{len(self.calls)}"})

    def _body(self, call: Call, said: Mapping[str, str]) -> dict[str, Any]:
        count = 0 if "empty" in said else min(int(said.get("few") or 10), call.fields.get("n", 1))
        data = [self._item(call, said) for _ in range(count)]
        details = {"text_tokens": 7, "image_tokens": 300 * len(call.files)}
        usage = {
            "input_tokens": sum(details.values()),
            "input_tokens_details": details,
            "output_tokens": 1056,
        }
        return {"created": 1, "data": data, "usage": usage}

    def _item(self, call: Call, said: Mapping[str, str]) -> dict[str, str]:
        asked = call.fields.get("size", "auto")
        width, height = (1024, 1024) if asked == "auto" else map(int, asked.split("x"))
        self._files.append(pictures.png(width, height, len(self._files)))
        if "elsewhere" in said:
            return {"url": f"http://127.0.0.1:{self.port + 1}/files/0.png"}
        if "url" in said:
            return {"url": f"http://127.0.0.1:{self.port}/files/{len(self._files) - 1}.png"}
        return {"b64_json": base64.b64encode(self._files[-1]).decode()}

    async def _file(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        self.fetched += 1
        return web.Response(body=self._files[int(request.match_info["number"])], content_type="image/png")


def _check(call: Call) -> None:
    """Refuse what OpenAI refuses."""
    model = call.fields.get("model")
    if model not in SIZES:
        raise Refused(f"The model '{model}' does not exist.", "model", "model_not_found")
    allowed = FIELDS if model == GPT else (FIELDS - {"quality", "background"}) | {"response_format"}
    for name in call.fields:
        if name not in allowed:
            raise Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if not isinstance(call.fields.get("prompt"), str) or not call.fields["prompt"]:
        raise Refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if type(call.fields.get("n", 1)) is not int or not 1 <= call.fields.get("n", 1) <= 10:
        raise Refused("Invalid 'n'.", "n")
    sizes = SIZES[model]
    if sizes is not None and call.fields.get("size", "auto") not in sizes:
        raise Refused(f"Invalid value: '{call.fields['size']}'.", "size")
    if call.fields.get("quality", "auto") not in QUALITIES:
        raise Refused("Invalid 'quality'.", "quality")
    _check_files(call)


def _check_files(call: Call) -> None:
    names = [name for name, _ in call.files]
    if call.path.endswith("edits"):
        images = [name for name in names if name != "mask"]
        if (
            not images
            or set(images) not in ({"image"}, {"image[]"})
            or (images[0] == "image" and len(images) > 1)
        ):
            raise Refused("Missing required parameter: 'image'.", "image", "missing_required_parameter")


def _error(
    status: int, message: str, param: str, code: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": param or None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)
