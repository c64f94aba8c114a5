"""A Gemini API on a loopback port, as strict on requests as Google is, and as bad as you ask.

    async with Upstream() as google: ...        in the running event loop
    with Upstream.in_thread() as google: ...     beside synchronous code
    python -m tests.upstreams.gemini --port N    as a process of its own

`google.url` is the base URL, `KEY` the key it takes, `google.calls` what was asked. The same models are
under Vertex AI's addresses, for the service account of `vertex.credential(google.url)`. Markers in the
prompt (`behaviour.MARKERS`) or `POST /_program` choose how a call is answered; `GET /_calls` gives
the counts, `DELETE /_calls` clears counts and programme.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.upstreams.gemini import behaviour, contract, pictures, vertex

KEY = "stub-key-0123456789abcdef"
BODY_LIMIT = 100 * 1024 * 1024  # bytes
RECENT = 50  # requests that are kept whole
VERTEX = f"projects/{vertex.PROJECT}/locations/{{location}}/publishers/google"


@dataclass
class Calls:
    """What was asked of the stub: how often, by model and by prompt, how many at once."""

    total: int = 0
    in_flight: int = 0
    peak: int = 0
    models: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    recent: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, model: str, prompt: str, body: Any, headers: dict[str, str]) -> None:
        self.total += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self.models[model] += 1
        self.prompts[prompt] += 1
        self.recent = [*self.recent, {"model": model, "body": body, "headers": headers}][-RECENT:]


@dataclass
class Rule:
    """A programmed answer for calls of a model, or whose prompt contains a text."""

    markers: dict[str, str]
    model: str | None = None
    prompt: str | None = None
    times: int | None = 1  # None: for ever

    def takes(self, model: str, prompt: str) -> bool:
        return self.times != 0 and self.model in (None, model) and (self.prompt or "") in prompt


class Upstream:
    """The stub. `port` 0 takes a free one."""

    def __init__(self, port: int = 0, key: str = KEY) -> None:
        self.port, self.key = port, key
        self.calls = Calls()
        self.rules: list[Rule] = []
        self.robots = vertex.Robots()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def program(
        self, markers: str, *, model: str | None = None, prompt: str | None = None, times: int | None = 1
    ) -> None:
        """Answer the next `times` matching calls as `markers` say, such as `stub:429=3`."""
        self.rules.append(Rule(behaviour.markers(markers), model, prompt, times))

    async def __aenter__(self) -> Upstream:
        self._runner = web.AppRunner(
            self._app(), access_log=None, shutdown_timeout=0, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
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

        async def serve() -> None:
            async with upstream:
                ready.set()
                await stop.wait()

        stop = asyncio.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        try:
            assert ready.wait(10)
            yield upstream
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes(
            [
                web.get("/_calls", self._tell),
                web.delete("/_calls", self._clear),
                web.post("/_program", self._program),
                web.get("/{version:v1|v1beta}/models", self._list),
                web.get("/{version:v1|v1beta}/models/{model}", self._show),
                web.post("/{version:v1|v1beta}/models/{model}:generateContent", self._generate),
                web.post("/token", self.robots.give),
                web.post(f"/{{version:v1}}/{VERTEX}/models/{{model}}:generateContent", self._generate),
                web.get(f"/{{version:v1}}/{VERTEX}/models/{{model}}", self._show),
            ]
        )
        return app

    # ---- control -----------------------------------------------------------------------------

    async def _tell(self, request: web.Request) -> web.Response:
        calls = self.calls
        told = {"total": calls.total, "in_flight": calls.in_flight, "peak": calls.peak}
        return web.json_response(told | {"models": calls.models, "prompts": calls.prompts})

    async def _clear(self, request: web.Request) -> web.Response:
        self.calls, self.rules = Calls(), []
        return web.json_response({})

    async def _program(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.program(told.pop("markers"), **told)
        return web.json_response({})

    # ---- Google ------------------------------------------------------------------------------

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Google's answer to a call without its key, or at Vertex AI without its token."""
        if "location" in request.match_info:
            return None if self.robots.knows(request) else behaviour.error(401)
        key = request.headers.get("x-goog-api-key") or request.query.get("key")
        if key is None:
            text = "Method doesn't allow unregistered callers (callers without established identity)."
            return behaviour.error(403, text)
        return None if key == self.key else behaviour.refused_key()

    async def _list(self, request: web.Request) -> web.Response:
        models = [_described(name) for name in pictures.MODELS]
        return self._refusal(request) or web.json_response({"models": models})

    async def _show(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        known = name in pictures.MODELS
        return self._refusal(request) or (web.json_response(_described(name)) if known else _unknown(request))

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        model = request.match_info["model"]
        if model not in pictures.MODELS:
            return _unknown(request)
        try:
            body = await request.json()
            call = self._begin(model, contract.check(body), body, request)
        except contract.Invalid as invalid:
            return _invalid(invalid)
        except json.JSONDecodeError as broken:
            return behaviour.error(400, f"Invalid JSON payload received. {broken.msg}")
        try:
            return await behaviour.answer(call)
        finally:
            self.calls.in_flight -= 1

    def _begin(self, model: str, checked: dict[str, Any], body: Any, http: web.Request) -> behaviour.Call:
        prompt = behaviour.prompt(checked)
        call = behaviour.Call(model, checked, http, 0, 0, self._markers(model, prompt))
        call.pixels()  # refuses a size or a ratio that the model does not know
        secrets = ("x-goog-api-key", "authorization")
        headers = {k.lower(): v for k, v in http.headers.items() if k.lower() not in secrets}
        self.calls.begin(model, prompt, body, headers)
        call.number, call.turn = self.calls.total, self.calls.prompts[prompt]
        return call

    def _markers(self, model: str, prompt: str) -> dict[str, str]:
        rule = next((rule for rule in self.rules if rule.takes(model, prompt)), None)
        if rule is None:
            return behaviour.markers(prompt)
        if rule.times is not None:
            rule.times -= 1
        return rule.markers


def _described(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": pictures.MODELS[name].title,
        "inputTokenLimit": 32768,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
    }


def _unknown(request: web.Request) -> web.Response:
    name, version = request.match_info["model"], request.match_info["version"]
    text = f"models/{name} is not found for API version {version}, or is not supported for generateContent."
    return behaviour.error(404, f"{text} Call ListModels to see the list of available models.")


def _invalid(invalid: contract.Invalid) -> web.Response:
    if not invalid.field:
        return behaviour.error(400, invalid.message)
    violation = {"field": invalid.field, "description": invalid.message}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return behaviour.error(400, invalid.message, details)
