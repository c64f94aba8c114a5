"""How the stub answers a call: like Google, or as badly as the call's marker asks.

A marker is `stub:word` or `stub:word=value` anywhere in the last turn's text; `/_program` sets the
same words for calls to come. `MARKERS` lists them.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from PIL import Image

from tests.upstreams.gemini import pictures

MARKER = re.compile(r"stub:([a-z0-9_]+)(?:=([^\s,]+))?")
STATUSES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    502: ("UNAVAILABLE", "Bad gateway."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
BIG = 1_500_000  # bytes of a big picture
HUGE = 45 * 1024 * 1024  # bytes of an answer that is too long


@dataclass
class Call:
    """One checked `generateContent` call. `number` counts all calls, `turn` those of this prompt."""

    model: str
    request: Mapping[str, Any]
    http: web.Request
    number: int
    turn: int
    markers: dict[str, str]

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.request.get("generation_config") or {}

    def pixels(self) -> tuple[int, int, int]:
        """Width, height, tokens of the picture that is asked. Raises Invalid."""
        config = self.settings.get("image_config") or {}
        model = pictures.MODELS[self.model]
        return model.draw(config.get("aspect_ratio") or self._followed(model), config.get("image_size"))

    def _followed(self, model: pictures.Model) -> str:
        """Without a ratio Google follows the last input picture."""
        if not (inputs := self.inputs()):
            return "1:1"
        with Image.open(io.BytesIO(inputs[-1])) as picture:
            return model.nearest(*picture.size)

    def inputs(self) -> list[bytes]:
        parts = (part for content in self.request["contents"] for part in content["parts"])
        return [part["inline_data"]["data"] for part in parts if "inline_data" in part]


def prompt(request: Mapping[str, Any]) -> str:
    """The text of the last turn."""
    return "\n".join(part["text"] for part in request["contents"][-1]["parts"] if "text" in part)


def markers(text: str) -> dict[str, str]:
    return dict(MARKER.findall(text))


def error(
    code: int, message: str = "", details: list[Any] | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    """Google's error envelope."""
    status, usual = STATUSES[code]
    body: dict[str, Any] = {"code": code, "message": message or usual, "status": status}
    if details:
        body["details"] = details
    return web.json_response({"error": body}, status=code, headers=headers)


def info(reason: str, **metadata: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


async def answer(call: Call) -> web.StreamResponse:
    """The answer that the call's markers ask for, else a picture."""
    if "slow" in call.markers:
        await asyncio.sleep(float(call.markers["slow"]))
    if "partial" in call.markers and call.turn > int(call.markers["partial"]):
        return error(503)
    for word, value in call.markers.items():
        if word.isdigit():
            return _status(int(word), value)
        if word in MARKERS:
            return await MARKERS[word](call, value)
    return web.json_response(_body(call, _picture_parts(call)))


# ---- bodies ----------------------------------------------------------------------------------


def _picture(call: Call, **changes: Any) -> dict[str, Any]:
    width, height, _ = call.pixels()
    weight = BIG if "big" in call.markers else 0
    data = pictures.png(width, height, call.number, weight=weight)
    made = {"mimeType": "image/png", "data": base64.b64encode(data).decode()} | changes
    return {"inlineData": made}


def _picture_parts(call: Call) -> list[dict[str, Any]]:
    words = "TEXT" in call.settings.get("response_modalities", ["TEXT", "IMAGE"])
    return [*([{"text": "Here is the picture."}] if words else []), _picture(call)]


def _body(
    call: Call, parts: list[dict[str, Any]] | None, reason: str = "STOP", **more: Any
) -> dict[str, Any]:
    """The answer with one candidate; `parts` None leaves the candidate without content."""
    content = {} if parts is None else {"content": {"role": "model", "parts": parts}}
    drawn = sum("inlineData" in part and not part.get("thought") for part in parts or ())
    return {
        "candidates": [content | {"finishReason": reason, "index": 0} | more],
        "usageMetadata": _usage(call, drawn),
        "modelVersion": call.model,
        "responseId": f"stub-{call.number}",
    }


def _usage(call: Call, drawn: int) -> dict[str, Any]:
    shown = len(call.inputs()) * pictures.MODELS[call.model].input_tokens
    words = math.ceil(len(prompt(call.request)) / 4)
    made = drawn * call.pixels()[2]
    usage: dict[str, Any] = {
        "promptTokenCount": words + shown,
        "totalTokenCount": words + shown + made,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": words}],
    }
    if shown:
        usage["promptTokensDetails"].append({"modality": "IMAGE", "tokenCount": shown})
    if made:
        details = [{"modality": "IMAGE", "tokenCount": made}]
        usage |= {"candidatesTokenCount": made, "candidatesTokensDetails": details}
    return usage


# ---- markers ---------------------------------------------------------------------------------


def _status(code: int, value: str) -> web.Response:
    """`stub:429=30` tells to wait 30 s by RetryInfo; `stub:429` tells nothing."""
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    return error(code, details=[{"@type": kind, "retryDelay": f"{value}s"}] if value else None)


async def _block(call: Call, value: str) -> web.Response:
    feedback = {"blockReason": value or "PROHIBITED_CONTENT"}
    usage = _usage(call, 0)
    return web.json_response(
        {"promptFeedback": feedback, "usageMetadata": usage, "responseId": f"stub-{call.number}"}
    )


async def _finish(call: Call, value: str) -> web.Response:
    message = "Unable to show the generated image."
    return web.json_response(_body(call, None, value or "IMAGE_SAFETY", finishMessage=message))


async def _text(call: Call, value: str) -> web.Response:
    return web.json_response(_body(call, [{"text": "I can only describe it."}], value or "STOP"))


async def _retry_after(call: Call, value: str) -> web.Response:
    """Seconds, or a date with `_` for its spaces: `stub:retry_after=21_Oct_2015_07:28:00_GMT`."""
    return error(429, headers={"Retry-After": value.replace("_", " ")})


async def _bad_key(call: Call, value: str) -> web.Response:
    return refused_key()


def refused_key() -> web.Response:
    details = [info("API_KEY_INVALID", service="generativelanguage.googleapis.com")]
    return error(400, "API key not valid. Please pass a valid API key.", details)


async def _location(call: Call, value: str) -> web.Response:
    body = {"code": 400, "message": "User location is not supported.", "status": "FAILED_PRECONDITION"}
    return web.json_response({"error": body}, status=400)


async def _echo(call: Call, value: str) -> web.Response:
    """A careless relay, which says the key in its error."""
    return error(500, f"cannot forward {call.http.headers.get('x-goog-api-key')}")


async def _hang(call: Call, value: str) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return error(504)


async def _drip(call: Call, value: str) -> web.StreamResponse:
    """A byte every 50 ms, for ever."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(call.http)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def _reset(call: Call, value: str) -> web.StreamResponse:
    if call.http.transport:
        call.http.transport.abort()
    return web.Response()


async def _cut(call: Call, value: str) -> web.StreamResponse:
    """The connection ends in the middle of the body."""
    body = json.dumps(_body(call, _picture_parts(call))).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(call.http)
    await response.write(body[: len(body) // 2])
    return await _reset(call, value)


async def _badjson(call: Call, value: str) -> web.Response:
    return web.Response(text='{"candidates": [{"content": ', content_type="application/json")


async def _deep(call: Call, value: str) -> web.Response:
    """JSON of lists in lists."""
    depth = int(value or 100)
    return web.Response(text=f'{{"candidates": {"[" * depth}{"]" * depth}}}', content_type="application/json")


async def _html(call: Call, value: str) -> web.Response:
    """`stub:html` with status 200, `stub:html=502` with another."""
    page = "<html><body><h1>Sorry</h1></body></html>"
    return web.Response(text=page, content_type="text/html", status=int(value or 200))


async def _wrongtype(call: Call, value: str) -> web.Response:
    return web.Response(text=json.dumps(_body(call, _picture_parts(call))), content_type="text/plain")


async def _empty(call: Call, value: str) -> web.Response:
    return web.json_response({"usageMetadata": _usage(call, 0)})


async def _redirect(call: Call, value: str) -> web.Response:
    return web.Response(status=307, headers={"Location": value or "/elsewhere"})


async def _huge(call: Call, value: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(call.http)
    for _ in range(HUGE // 2**20):
        await response.write(b" " * 2**20)
    return response


async def _truncated(call: Call, value: str) -> web.Response:
    """Base64 that ends in the middle of a group."""
    data = _picture(call)["inlineData"]["data"]
    return web.json_response(_body(call, [_picture(call, data=data[: len(data) // 2 // 4 * 4 + 1])]))


async def _urlsafe(call: Call, value: str) -> web.Response:
    """What relays write that are built on Google's own client."""
    data = _picture(call)["inlineData"]["data"].replace("+", "-").replace("/", "_")
    return web.json_response(_body(call, [_picture(call, data=data)]))


async def _wrongmime(call: Call, value: str) -> web.Response:
    return web.json_response(_body(call, [_picture(call, mimeType=value or "application/pdf")]))


async def _notimage(call: Call, value: str) -> web.Response:
    return web.json_response(_body(call, [_picture(call, data=base64.b64encode(b"no picture").decode())]))


async def _bomb(call: Call, value: str) -> web.Response:
    return web.json_response(_body(call, [_picture(call, data=base64.b64encode(pictures.bomb()).decode())]))


async def _otherformat(call: Call, value: str) -> web.Response:
    """A JPEG that says it is a PNG."""
    width, height, _ = call.pixels()
    data = base64.b64encode(pictures.jpeg(width, height)).decode()
    return web.json_response(_body(call, [_picture(call, data=data)]))


async def _plain(call: Call, value: str) -> web.Response:
    """A picture of one colour."""
    width, height, _ = call.pixels()
    data = base64.b64encode(pictures.plain(width, height)).decode()
    return web.json_response(_body(call, [_picture(call, data=data)]))


async def _shape(call: Call, value: str) -> web.Response:
    """A picture of another ratio than asked."""
    width, height, _ = call.pixels()
    data = base64.b64encode(pictures.png(width, height // 2, call.number)).decode()
    return web.json_response(_body(call, [_picture(call, data=data)]))


async def _copy(call: Call, value: str) -> web.Response:
    """The last input, given back."""
    data = base64.b64encode(call.inputs()[-1]).decode()
    return web.json_response(_body(call, [_picture(call, data=data)]))


async def _two(call: Call, value: str) -> web.Response:
    parts = [_picture(call), {"text": "And another:"}, _picture(call)]
    return web.json_response(_body(call, parts))


async def _thought(call: Call, value: str) -> web.Response:
    """Gemini 3: thoughts in words and in a sketch, then the picture with its signature."""
    parts = [
        {"text": "The cat should sit.", "thought": True},
        _picture(call) | {"thought": True},
        {"text": "Here it is.", "thoughtSignature": "dGV4dA=="},
        _picture(call) | {"thoughtSignature": "cGljdHVyZQ=="},
    ]
    body = _body(call, parts)
    body["usageMetadata"]["thoughtsTokenCount"] = 77
    return web.json_response(body)


MARKERS: dict[str, Callable[[Call, str], Awaitable[web.StreamResponse]]] = {
    "block": _block,
    "finish": _finish,
    "image_safety": _finish,
    "text": _text,
    "retry_after": _retry_after,
    "bad_key": _bad_key,
    "location": _location,
    "echo": _echo,
    "hang": _hang,
    "drip": _drip,
    "reset": _reset,
    "cut": _cut,
    "badjson": _badjson,
    "deep": _deep,
    "html": _html,
    "wrongtype": _wrongtype,
    "empty": _empty,
    "redirect": _redirect,
    "huge": _huge,
    "truncated": _truncated,
    "urlsafe": _urlsafe,
    "wrongmime": _wrongmime,
    "notimage": _notimage,
    "bomb": _bomb,
    "otherformat": _otherformat,
    "plain": _plain,
    "shape": _shape,
    "copy": _copy,
    "two": _two,
    "thought": _thought,
}
