"""A desk in memory, and a caller: a dialect's whole behaviour without database or network.

The desk keeps the contract of `generations.dialect.Desk`; the caller does what a door's engine
does: finds the route, hands over the request, words the problem.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from PIL import Image

from generations import handles
from generations.dialect import Answer, Dialect, Incoming, Route
from generations.errors import Problem
from generations.spec import (
    Balance,
    Delivered,
    Input,
    Kind,
    Listed,
    Offer,
    Order,
    Report,
    Size,
    Source,
    State,
    Upload,
    Usage,
    Wanted,
)
from runtime import egress

NOW = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
ORGANIZATION = UUID("01a00000-0000-7000-8000-000000000001")
FLASH_CELLS = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
PRO_CELLS = {"1:1": (1024, 1024), "3:2": (1264, 848), "16:9": (1376, 768)}


def _offer(model: str, aliases: Sequence[str], cells: Sequence[Size], price: int) -> Offer:
    return Offer(
        model=model,
        names=(model, *aliases),
        title=model.title(),
        description="Draws.",
        released=1_759_363_200,
        ratios=tuple(dict.fromkeys(cell.ratio for cell in cells)),
        resolutions=tuple(dict.fromkeys(cell.resolution for cell in cells)),
        default_resolution="1K",
        default_ratio=None,
        sizes=tuple(cells),
        prompt_characters=1000,
        max_count=10,
        max_references=5,
        reference_bytes=10_000_000,
        input_tokens_per_image=258,
        input_token_limit=32_768,
        output_token_limit=32_768,
        unit_price=price,
        credits_per_dollar=68,
    )


FLASH = _offer(
    "gemini-2.5-flash-image",
    ["nano-banana-beta"],
    [Size("1K", ratio, *pixels, 1290) for ratio, pixels in FLASH_CELLS.items()],
    30_000,
)
PRO = _offer(
    "gemini-3-pro-image",
    ["gemini-3-pro-image-preview"],
    [
        Size(tier, ratio, width * scale, height * scale, tokens)
        for tier, scale, tokens in (("1K", 1, 1120), ("2K", 2, 1120), ("4K", 4, 2000))
        for ratio, (width, height) in PRO_CELLS.items()
    ],
    120_000,
)
SMALL = _offer(
    "gemini-3.1-flash-image",
    [],
    [Size("512", "1:1", 512, 512, 747), Size("1K", "1:1", 1024, 1024, 1120)],
    60_000,
)
OFFERS = (FLASH, PRO, SMALL)


def picture(number: int = 1, width: int = 64, height: int = 48) -> bytes:
    """A true PNG; its colour depends on the number."""
    Image.new("RGB", (width, height), (number * 20 % 256, 90, 160)).save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def report(order: Order, **changes: Any) -> Report:
    """A report of a fresh, queued generation of that order; `changes` replace its fields."""
    offer = next(o for o in OFFERS if o.model == order.model)
    cell = next(s for s in offer.sizes if (s.resolution, s.ratio) == (order.resolution, order.ratio or "1:1"))
    fresh = Report(
        id=UUID("019aa1b2-c3d4-7abc-8def-0123456789ab"),
        ticket="q7w2e9rt",
        organization=ORGANIZATION,
        mode="live",
        dialect="evolink",
        state=State.QUEUED,
        order=order,
        created_at=NOW,
        updated_at=NOW,
        finished_at=None,
        expires_at=NOW + timedelta(hours=24),
        progress=0,
        estimated_seconds=45,
        unit_price=offer.unit_price,
        credits_per_dollar=offer.credits_per_dollar,
        tokens_held=cell.tokens * order.count,
        tokens=0,
        usage=Usage(prompt=10),
    )
    return replace(fresh, **changes)


def delivered(made: Report, count: int) -> Report:
    """The same generation, succeeded with `count` images."""
    offer = next(o for o in OFFERS if o.model == made.order.model)
    size = offer.size(made.order.resolution, made.order.ratio or "1:1")
    assert size is not None
    images = tuple(
        Delivered(
            number=number,
            url=f"https://easel.example/i/{made.id}/{number}.png?t=abc",
            mime="image/png",
            width=size.width,
            height=size.height,
            bytes=100,
            sha256="0" * 64,
            key=f"outputs/{number}.png",
        )
        for number in range(1, count + 1)
    )
    return replace(
        made, state=State.SUCCEEDED, images=images, tokens=size.tokens * count, progress=100, finished_at=NOW
    )


def _input(source: Source) -> Input:
    """A stored picture whose hash is that of what was given."""
    sha256 = hashlib.sha256(source.data or source.url.encode()).hexdigest()
    return Input(sha256, "image/png", 64, 48, 100, f"inputs/{sha256[:8]}.png", source.role)


def _fits(made: Report, wanted: Wanted) -> bool:
    return (
        (not wanted.states or made.state in wanted.states)
        and (not wanted.model or made.order.model == wanted.model)
        and (not wanted.dialect or made.dialect == wanted.dialect)
        and (not wanted.after or made.id < wanted.after)
    )


@dataclass
class MemoryDesk:
    """Records orders and answers with reports; `refusal` is raised instead of taking an order."""

    dialect: str
    models: tuple[Offer, ...] = OFFERS
    refusal: Problem | None = None
    ends: dict[str, Any] = field(default_factory=dict)  # how `run` ends, if not with all images
    orders: list[Order] = field(default_factory=list)
    reports: dict[UUID, Report] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    organization: UUID | None = ORGANIZATION
    taken: list[Source] = field(default_factory=list)
    refused_sources: dict[str, Problem] = field(default_factory=dict)
    kept_uploads: dict[UUID, Upload] = field(default_factory=dict)
    money: Balance = field(default_factory=lambda: Balance(10**10, 25 * 10**8, "a key", None, 38_700_000))

    async def offers(self) -> tuple[Offer, ...]:
        return self.models

    async def submit(self, order: Order) -> Report:
        if self.refusal:
            raise self.refusal
        self.orders.append(order)
        return self.keep(report(order, dialect=self.dialect))

    async def run(self, order: Order) -> Report:
        queued = await self.submit(order)
        return self.keep(replace(queued, **self.ends) if self.ends else delivered(queued, order.count))

    async def report(self, generation: UUID) -> Report:
        if generation not in self.reports:
            raise Problem(Kind.NOT_FOUND, "No generation has this id.")
        return self.reports[generation]

    async def find(self, handle: str) -> Report:
        known = handles.parse(handle)
        if known is None:
            raise Problem(Kind.BAD_REQUEST, "This is no id of a generation.")
        by_ticket = (r.id for r in self.reports.values() if r.ticket == known.ticket)
        found = known.id or next(by_ticket, None)
        return await self.report(found or ORGANIZATION)

    async def cancel(self, handle: str) -> Report:
        found = await self.find(handle)
        if found.state.final and found.state is not State.CANCELLED:
            raise Problem(Kind.NOT_CANCELLABLE, "The task is final.", generation=found.id)
        return self.keep(replace(found, state=State.CANCELLED, kind=Kind.CANCELLED))

    async def begin(self, order: Order) -> Report:
        return await self.submit(order)

    async def ended(self, begun: Report) -> Report:
        return self.keep(replace(begun, **self.ends) if self.ends else delivered(begun, begun.order.count))

    async def page(self, wanted: Wanted) -> Listed:
        fits = [
            r for r in self.reports.values() if _fits(r, wanted) and (not wanted.after or r.id < wanted.after)
        ]
        newest = sorted(fits, key=lambda r: r.id, reverse=True)
        return Listed(tuple(newest[wanted.skip : wanted.skip + wanted.size]), len(newest))

    async def several(self, asked: Sequence[str]) -> tuple[Report, ...]:
        found = []
        for handle in asked:
            with contextlib.suppress(Problem):
                found.append(await self.find(handle))
        return tuple(found)

    async def read(self, image: Delivered) -> bytes:
        return self.files.get(image.key) or picture(image.number)

    async def callback(self, url: str) -> None:
        """By its form alone, with production's rules; a name is looked up by nobody."""
        try:
            target = egress.parse(url, egress.CALLBACK)
        except egress.EgressRefused:
            target = None
        if target is None or (target.literal and not egress.CALLBACK.permits(target.host, target.port)):
            raise Problem(Kind.BAD_REQUEST, "It must be a public https URL.", reason="url_not_allowed")

    async def take(self, sources: Sequence[Source]) -> tuple[Input, ...]:
        """Every source is a picture of its own; the last of `refused_sources` says which is none."""
        self.taken.extend(sources)
        for source in sources:
            if source.field in self.refused_sources:
                raise self.refused_sources[source.field]
        return tuple(_input(source) for source in sources)

    async def upload(self, source: Source, *, name: str = "", path: str = "") -> Upload:
        (kept,) = await self.take([source])
        number = len(self.kept_uploads) + 1
        made = Upload(
            id=UUID(int=number),
            name=name or f"{number}.png",
            path=path,
            mime=kept.mime,
            width=kept.width,
            height=kept.height,
            bytes=kept.bytes,
            sha256=kept.sha256,
            url=f"https://easel.example/u/{UUID(int=number)}.png?t=abc",
            created_at=NOW,
            expires_at=NOW + timedelta(hours=72),
        )
        self.kept_uploads[made.id] = made
        return made

    async def await_upload(self, mime: str) -> tuple[str, Upload]:
        made = await self.upload(Source("file", data=picture()))
        promised = replace(made, mime=mime, bytes=0)
        return f"{promised.url}&put=abc", promised

    async def uploads(self, skip: int, size: int) -> tuple[tuple[Upload, ...], int]:
        newest = list(reversed(self.kept_uploads.values()))
        return tuple(newest[skip : skip + size]), len(newest)

    async def read_upload(self, upload: UUID) -> tuple[Upload, bytes]:
        if upload not in self.kept_uploads:
            raise Problem(Kind.NOT_FOUND, "There is no such file.")
        return self.kept_uploads[upload], picture()

    async def delete_upload(self, upload: UUID) -> None:
        if self.kept_uploads.pop(upload, None) is None:
            raise Problem(Kind.NOT_FOUND, "There is no such file.")

    async def balance(self) -> Balance:
        return self.money

    def keep(self, made: Report) -> Report:
        self.reports[made.id] = made
        return made


@dataclass
class Caller:
    """Sends requests to one dialect as its engine does."""

    dialect: Dialect
    desk: MemoryDesk

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | (headers or {})
        route, params = find_route(self.dialect, method, path)
        request = Incoming(method, path, "https://easel.example/door", sent, {}, raw, params)
        return asyncio.run(self._handle(route, request))

    async def _handle(self, route: Route, request: Incoming) -> Answer:
        try:
            return await route.handler(request, self.desk)
        except Problem as problem:
            return self.dialect.word(problem, request)


def find_route(dialect: Dialect, method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The documented route of a path, and the values of its named segments."""
    for route in dialect.routes():
        names, parts = route.path.split("/"), path.split("/")
        fits = len(names) == len(parts) and all(
            n == p or n.startswith("{") for n, p in zip(names, parts, strict=True)
        )
        if fits and route.method == method:
            return route, {n[1:-1]: p for n, p in zip(names, parts, strict=True) if n.startswith("{")}
    raise AssertionError(f"{dialect.name} has no route {method} {path}")


def parsed(answer: Answer) -> Any:
    return json.loads(answer.content())
