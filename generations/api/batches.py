"""Batches: a file of orders in, what became of each line out.

To make one is to generate: it needs a key that generates, never one that manages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from typing import IO, Any, Final
from uuid import UUID

from django.http import StreamingHttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import admission, directory
from accounts.access import KeyScope, ManagementScope, Permission
from accounts.admission import Caller
from accounts.api.operations import NoBody, operation
from accounts.api.paging import PageQuery, Pager
from accounts.api.parsing import StrictJSON, bounded
from accounts.api.problems import invalid
from accounts.api.shapes import page_of
from accounts.api.views import ManagementView
from accounts.errors import AuthError, NotFound
from generations import reports
from generations.actions import batches
from generations.api import rendering
from generations.api.batch_shapes import ITEM_STATES, BatchShape, ItemShape, NewBatchQuery
from generations.api.examples import BATCH, ITEM
from generations.api.problems import not_found
from generations.batches import file, progress
from generations.batches.progress import Fate, Progress
from generations.models import Batch
from runtime import database

FILE_BYTES: Final = 32 * 1024 * 1024
RESULTS_AT_ONCE: Final = 200
LOOK = (ManagementScope.READ, KeyScope.IMAGES_READ)
MAKE = (KeyScope.IMAGES_CREATE,)
STOP = (ManagementScope.WRITE, KeyScope.IMAGES_CREATE)
LINES = (
    '{"custom_id": "fox-1", "dialect": "openai", "body": {"model": "gemini-2.5-flash-image", '
    '"prompt": "A red fox"}}\n'
    '{"custom_id": "fox-2", "body": {"model": "gemini-2.5-flash-image", "prompt": "A fox"}}\n'
)


class JSONL(BaseParser):
    """A file of JSON lines, as it is."""

    media_type = "application/jsonl"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return bounded(stream, parser_context, FILE_BYTES)


class NDJSON(JSONL):
    media_type = "application/x-ndjson"


class BatchesView(ManagementView):
    """All batches of the mode."""

    parser_classes = (JSONL, NDJSON)

    @operation(
        id="list_batches",
        summary="List batches",
        description="Newest first, with their lines counted by state.",
        permission=Permission.GENERATION_READ,
        scopes=LOOK,
        query=PageQuery,
        answer=page_of(BatchShape),
        example={"data": [BATCH], "next_cursor": None},
    )
    def get(self, request: Request) -> Response:
        pager = Pager(self.query, self.organization.pk, "batches", self.mode)
        at = pager.position()
        rows = progress.page(
            self.organization, self.mode, before=UUID(at[0]) if at else None, size=pager.size + 1
        )
        told = progress.progress(self.organization, rows)
        return Response(pager.page(told, _shown, lambda one: [one.batch.pk]))

    @operation(
        id="create_batch",
        summary="Create a batch",
        description="Up to 1,000 orders, one JSON object a line: `body` is what the door `dialect` would be "
        "sent (at `path` below the door, where that says the model), or without a door a neutral order "
        "(`model`, `prompt`, `count`, `ratio`, `resolution`, `images`, `system`, `format`, "
        "`compression`, `quality`, `style`); `custom_id` is yours. All lines are right, or nothing is "
        "taken. They run behind what people wait for, within 48 hours, and cost what they deliver. Needs "
        "a key that generates (scope `images:create`), which pays.",
        permission=Permission.GENERATION_SUBMIT,
        scopes=MAKE,
        query=NewBatchQuery,
        raw={"application/jsonl": {"type": "string", "example": LINES}},
        status=201,
        answer=BatchShape,
        example=BATCH,
        refused=(413, 415),
    )
    def post(self, request: Request) -> Response:
        caller = self._payer()
        sent: Any = request.data  # nothing at all is no file
        data = sent if isinstance(sent, bytes) else b""
        lines = asyncio.run(file.read(data, caller, self.query.get("dialect", "")))
        batch = batches.create(
            organization=self.organization,
            mode=self.mode,
            key=caller.key_id,
            lines=lines,
            by=self.manager.actor,
            name=self.query["name"],
        )
        (told,) = progress.progress(self.organization, [batch])
        return Response(_shown(told), 201)

    def _payer(self) -> Caller:
        """The key that pays: the one that calls, or the one a member names."""
        key: UUID | None = self.manager.key or self.query.get("key")
        if key is None:
            raise invalid("key", "Name the key that pays.")
        try:
            found = directory.key_of(self.organization, self.mode, key)
            caller = admission.standing(self.organization.pk, found.pk)
        except (NotFound, AuthError) as problem:
            raise invalid("key", problem.message) from None
        if not caller.may(KeyScope.IMAGES_CREATE):
            raise invalid("key", "This key makes no images.")
        return caller


class BatchView(ManagementView):
    """One batch."""

    @operation(
        id="show_batch",
        summary="Show a batch",
        description="How far it is, and what it cost so far.",
        permission=Permission.GENERATION_READ,
        scopes=LOOK,
        answer=BatchShape,
        example=BATCH,
        refused=(404,),
    )
    def get(self, request: Request, batch: UUID) -> Response:
        return Response(_told(self, _batch(self, batch)))


class CancelBatchView(ManagementView):
    """The end of what has not ended."""

    parser_classes = (StrictJSON,)

    @operation(
        id="cancel_batch",
        summary="Cancel the rest of a batch",
        description="From now on nothing more of it is submitted; what is in the queue or runs is cancelled "
        "within seconds. What was delivered stays. Twice is once.",
        permission=Permission.GENERATION_CANCEL,
        scopes=STOP,
        body=NoBody,
        answer=BatchShape,
        example={**BATCH, "state": "cancelling", "cancelled_at": "2026-11-20T12:30:00Z"},
        refused=(404,),
    )
    def post(self, request: Request, batch: UUID) -> Response:
        row = batches.cancel(batch=_batch(self, batch), by=self.manager.actor)
        return Response(_told(self, row))


class ItemsView(ManagementView):
    """The lines of one."""

    @operation(
        id="list_batch_items",
        summary="List the lines of a batch",
        description="In the order of the file, each with its state.",
        permission=Permission.GENERATION_READ,
        scopes=LOOK,
        query=PageQuery,
        answer=page_of(ItemShape),
        example={"data": [ITEM], "next_cursor": None},
        refused=(404,),
    )
    def get(self, request: Request, batch: UUID) -> Response:
        found = _batch(self, batch)
        pager = Pager(self.query, self.organization.pk, "items", found.pk)
        at = pager.position()
        fates = progress.fates(self.organization, found, after=at[0] if at else 0, size=pager.size + 1)
        return Response(pager.page(fates, _item, lambda fate: [fate.item.number]))


class ResultsView(ManagementView):
    """The file that comes out."""

    @operation(
        id="read_batch_results",
        summary="Read the results of a batch",
        description="A file of JSON lines, one for each line of the batch in its order, as they are now.",
        permission=Permission.GENERATION_READ,
        scopes=LOOK,
        answer=str,
        media=("application/jsonl",),
        refused=(404,),
    )
    def get(self, request: Request, batch: UUID) -> StreamingHttpResponse:
        found = _batch(self, batch)
        answer = StreamingHttpResponse(
            _results(partial(progress.fates, self.organization, found, size=RESULTS_AT_ONCE)),
            content_type="application/jsonl",
        )
        answer["Content-Disposition"] = f'attachment; filename="batch-{found.pk}.jsonl"'
        return answer


async def _results(read: partial[list[Fate]]) -> AsyncIterator[bytes]:
    after = 0
    while fates := await database.run(partial(read, after=after)):
        yield b"".join(_lines(fates))
        after = fates[-1].item.number


def _lines(fates: Iterable[Fate]) -> Iterable[bytes]:
    for fate in fates:
        yield json.dumps(_item(fate), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _batch(view: ManagementView, batch: UUID) -> Batch:
    found = progress.find(view.organization, view.mode, batch)
    if found is None:
        raise not_found("batch")
    return found


def _told(view: ManagementView, batch: Batch) -> Any:
    (told,) = progress.progress(view.organization, [batch])
    return _shown(told)


def _shown(told: Progress) -> Any:
    row = told.batch
    names = ("id", "name", "mode", "key_id", "size", "created_at", "deadline_at", "cancelled_at")
    return BatchShape(
        {
            **{name: getattr(row, name) for name in names},
            "state": told.state,
            "counts": {state: told.counts[state] for state in ITEM_STATES},
            "tokens": told.tokens,
            "cost": told.cost,
            "finished_at": told.finished_at,
        }
    ).data


def _item(fate: Fate) -> Any:
    generation = fate.generation
    report = reports.build(generation, fate.outputs, 1.0) if generation else None
    return ItemShape(
        {
            "line": fate.item.number,
            "custom_id": fate.item.custom_id,
            "dialect": fate.item.dialect,
            "state": fate.state,
            "kind": fate.kind,
            "message": fate.message,
            "generation_id": generation.pk if generation else None,
            "tokens": report.tokens if report else 0,
            "cost": report.cost if report else 0,
            "images": rendering.images(report) if report else [],
        }
    ).data
