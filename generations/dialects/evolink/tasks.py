"""Many tasks at once: the list with its filters, and the batch of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generations import handles
from generations.dialects.evolink.fields import bad
from generations.dialects.evolink.task import STATUS, progress, shown_model
from generations.spec import Offer, Report, State, Wanted
from generations.wording import clip, credits, json_number, number, offer_named

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 10_000
MAX_BATCH = 50
TYPES = ("text", "image", "audio", "video")
FILTERS: Mapping[str, tuple[State, ...]] = {
    "pending": (State.QUEUED,),
    "processing": (State.QUEUED, State.RUNNING),
    "completed": (State.SUCCEEDED,),
    "failed": (State.FAILED,),
    "cancelled": (State.CANCELLED,),
}
# The list's status has the fifth word by which it can be filtered; the task's own has four.
LIST_STATUS = {**STATUS, State.CANCELLED: "cancelled"}


def read_wanted(query: Mapping[str, str], offers: Sequence[Offer]) -> tuple[Wanted | None, int, int]:
    """What the list shall hold (None: nothing can match), its page and the page's size. Raises
    Problem(BAD_REQUEST)."""
    page = number(query, "page", 1, MAX_PAGE)
    size = number(query, "page_size", PAGE_SIZE, MAX_PAGE_SIZE)
    states, model = FILTERS.get(_word(query, "status", FILTERS), ()), query.get("model", "")
    if _word(query, "type", TYPES) not in ("", "image"):
        return None, page, size
    offer = offer_named(offers, model)
    slug = offer.model if offer else model
    return Wanted(states=states, model=slug, skip=(page - 1) * size, size=size), page, size


def _word(query: Mapping[str, str], name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    said = query.get(name, "")
    if said and said not in known:
        raise bad(name, f"{name} must be one of {', '.join(known)}, got {clip(said)}")
    return said


def list_item(report: Report, rate: int) -> dict[str, Any]:
    """A task as lists tell it: what became of it, without its links."""
    return {
        "id": handles.evolink(report.id, report.ticket),
        "model": shown_model(report),
        "type": "image",
        "status": LIST_STATUS[report.state],
        "progress": progress(report),
        "created_at": int(report.created_at.timestamp()),
        "has_results": bool(report.images),
        "result_count": len(report.images),
        "has_error": report.state in (State.FAILED, State.CANCELLED),
        "credits_used": json_number(credits(report.cost, rate)),
    }


def read_ids(body: Mapping[str, Any]) -> list[str]:
    """The ids of a batch, each once. Raises Problem(BAD_REQUEST)."""
    ids = body.get("task_ids")
    if ids is None:
        raise bad("task_ids", "task_ids is required")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise bad("task_ids", "task_ids must be an array of task ids")
    if len(ids) > MAX_BATCH:
        raise bad("task_ids", f"task_ids takes at most {MAX_BATCH} ids, got {len(ids)}")
    return list(dict.fromkeys(ids))
