"""Generations with true pictures in storage, made through the actions, for the pages to show."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from uuid import UUID

from PIL import Image

from accounts.models import ApiKey
from generations import outputs
from generations.actions import finish
from generations.actions.submit import Asked, Quote, Submitted, submit
from generations.doors import recorder
from generations.models import ApiRequest, Generation
from generations.spec import Kind
from runtime import ids, storage
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.cast import Cast
from tests.work import ORDER

TOKENS = 1290


def png(width: int = 64, height: int = 48, colour: str = "teal") -> bytes:
    Image.new("RGB", (width, height), colour).save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def key_of(cast: Cast, mode: str = "live") -> ApiKey:
    """The newest key of the organization; one is made if there is none."""
    with tenant(cast.organization):
        found = ApiKey.objects.of(cast.organization).filter(mode=mode).order_by("-created_at").first()
    if found is not None:
        return found
    cast.key(mode)
    return key_of(cast, mode)


def ordered(
    cast: Cast, *, mode: str = "live", dialect: str = "openai", runs: bool = True, **order: Any
) -> Submitted:
    """An order that was taken, and runs or waits in the queue."""
    wanted = replace(ORDER, **order)
    if mode == "live":
        cast.credit(wanted.count)
    asked = Asked(
        organization=cast.organization.pk,
        mode=mode,
        key=key_of(cast, mode).pk,
        member=None,
        dialect=dialect,
        request_id=ids.word(20),
        wait=runs,
        owner="test" if runs else "",
    )
    return submit(asked, wanted, Quote(TOKENS))


def drawn(cast: Cast, *, size: tuple[int, int] = (64, 48), **more: Any) -> Generation:
    """One that succeeded, its pictures in storage."""
    made = ordered(cast, **more)
    mine = made.claimed
    assert mine is not None
    stored = [hung(mine, number, size) for number in range(mine.count)]
    parts = [{"image": number, "signature": None} for number in range(mine.count)]
    assert finish.succeed(mine, stored, parts, finish.Tried(images=mine.count))
    return row(cast, mine.id)


def hung(mine: Any, number: int, size: tuple[int, int]) -> finish.Stored:
    """A picture of a claimed generation, in storage."""
    data = png(*size, colour=("teal", "tomato", "gold", "navy")[number % 4])
    found = outputs.verify(data)
    key = outputs.key(mine.mode, mine.created_at.date(), mine.organization, mine.id, 1, number, "png")
    storage.default().put(key, data, found.mime)
    return finish.Stored(key, found.mime, found.width, found.height, len(data), found.sha256)


def failed(cast: Cast, message: str = "The content was blocked.", **more: Any) -> Generation:
    """One that ended without a picture."""
    made = ordered(cast, **more)
    assert made.claimed is not None
    assert finish.fail(made.claimed, Kind.CONTENT_BLOCKED, message)
    return row(cast, made.claimed.id)


def row(cast: Cast, generation: UUID) -> Generation:
    """As it stands now."""
    with tenant(cast.organization):
        return Generation.objects.of(cast.organization).get(pk=generation)


def called(cast: Cast, *, status: int = 200, **fields: Any) -> ApiRequest:
    """A call in the history."""
    made = ApiRequest(
        at=utc_now(),
        request_id=ids.word(20),
        organization_id=cast.organization.pk,
        mode="live",
        door="openai",
        method="POST",
        path="/openai/v1/images/generations",
        status=status,
        milliseconds=12,
        ip="192.0.2.7",
        agent="test/1",
    )
    for name, value in fields.items():
        setattr(made, name, value)
    recorder.insert([made])
    return made
