"""What one generation of the story left in each table: the same rows that submit, claim and finish
write, column by column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from config.past.story import AGENTS, Made
from generations.outputs import key as storage_key
from generations.spec import Order, Usage
from runtime import ids

KEPT = timedelta(days=30)
CREDITS = {"evolink": 68, "toapis": 200}
PATHS = {
    "evolink": ("/evolink/v1/images/generations", "/evolink/v1/tasks/task-unified"),
    "openai": ("/openai/v1/images/generations", "/openai/v1/generations"),
    "toapis": ("/toapis/v1/images/generations", "/toapis/v1/images/generations/task"),
    "gemini": ("/gemini/v1beta/models/gemini-2.5-flash-image:generateContent", "/gemini/v1beta/models"),
    "gmi": ("/gmi/api/v1/ie/requestqueue/apikey/requests", "/gmi/api/v1/ie/requestqueue/apikey/requests/id"),
}
MESSAGES = {
    "content_blocked": "The content was blocked by the safety filter. Change the prompt and try again.",
    "no_image": "The model answered without an image. Ask for a picture more plainly.",
    "upstream_timeout": "The model's provider took too long. Nothing was charged; please try again.",
    "upstream_error": "The model's provider failed. Nothing was charged; please try again.",
    "cancelled": "The task was cancelled.",
}
REFUSED = ((400, "bad_request"), (429, "rate_limited"), (404, "not_found"))
FAILURES = ("upstream_timeout", "upstream_error")
Row = Mapping[str, Any]


def generation(organization: UUID, made: Made) -> Row:
    order = Order(made.cell.model, made.cell.model, made.prompt, made.count, made.cell.size.ratio,
                  made.cell.size.resolution)  # fmt: skip
    return {
        "id": made.id,
        "organization_id": organization,
        "ticket": ids.word(8, ids.BASE36),
        "mode": made.caller.mode,
        "dialect": made.door,
        "key_id": made.caller.key,
        "member_id": made.caller.member,
        "model": made.cell.model,
        "order": json.dumps(order.to_json()),
        "synchronous": made.synchronous,
        "priority": 0,
        "request_id": request_id(made),
        "callback_url": "",
        "count": made.count,
        "image_tokens": made.cell.size.tokens,
        "unit_price": made.cell.unit_price,
        "credits_per_dollar": CREDITS.get(made.door, 0),
        "hold": "settled" if made.delivered else "released",
        "delivered": made.delivered,
        "state": made.state,
        "kind": made.kind,
        "message": MESSAGES.get(made.kind, ""),
        "parts": json.dumps(_parts(made)),
        "usage": json.dumps(_usage(made)),
        "attempt": made.tries,
        "tries_left": 3 - made.tries,
        "ended_by": made.tries if made.state == "failed" else None,
        "lease_owner": "history" if made.tries else "",
        "run_after": made.created_at,
        "deadline_at": made.created_at + timedelta(hours=24),
        "created_at": made.created_at,
        "started_at": made.started_at if made.tries else None,
        "finished_at": made.finished_at,
        "expires_at": made.finished_at + KEPT,
    }


def request_id(made: Made) -> str:
    return f"req_{made.id.hex}"


def _parts(made: Made) -> list[dict[str, Any]]:
    if made.kind == "content_blocked":
        return [{"refusal": "IMAGE_SAFETY", "stage": "output", "message": ""}]
    if made.kind == "no_image":
        return [{"text": "I would rather describe it.", "thought": False, "signature": None}]
    return [{"image": number, "signature": None} for number in range(made.delivered)]


def _usage(made: Made) -> dict[str, int]:
    made_tokens = made.delivered * made.cell.size.tokens
    used = Usage(prompt=-(-len(made.prompt) // 4), output_images=made_tokens)
    return {name: getattr(used, name) for name in Usage.__dataclass_fields__}


def attempts(organization: UUID, made: Made) -> Iterator[Row]:
    each = made.drawing / max(made.tries, 1)
    for number in range(1, made.tries + 1):
        began = made.started_at + timedelta(seconds=each * (number - 1))
        last = number == made.tries
        yield {
            "id": ids.uuid7(_milliseconds(began)),
            "organization_id": organization,
            "mode": made.caller.mode,
            "generation_id": made.id,
            "number": number,
            "owner": "history",
            "channel": "sandbox",
            "provider": "sandbox",
            "upstream_model": made.cell.model,
            "started_at": began,
            "upstream_at": began + timedelta(milliseconds=12),
            "finished_at": began + timedelta(seconds=each),
            "outcome": made.state if last else "retried",
            "kind": made.kind if last else "upstream_error",
            "detail": "" if last and not made.kind else "status 503",
            "upstream_request_id": "",
            "usage": json.dumps(_usage(made) if last else {}),
            "images": made.delivered if last else 0,
            "surplus": 0,
        }


def outputs(organization: UUID, made: Made, now: datetime) -> Iterator[Row]:
    """Their bytes were never kept: as if the team deleted each image a day later, at most now."""
    for number in range(made.delivered):
        size = made.cell.size
        yield {
            "id": ids.uuid7(_milliseconds(made.finished_at)),
            "organization_id": organization,
            "mode": made.caller.mode,
            "generation_id": made.id,
            "number": number,
            "storage_key": storage_key(made.caller.mode, made.created_at.date(), organization, made.id,
                                       made.tries, number, "png"),
            "mime": "image/png",
            "width": size.width,
            "height": size.height,
            "bytes": size.width * size.height // 2,
            "sha256": hashlib.sha256(f"{made.id}/{number}".encode()).hexdigest(),
            "signature": None,
            "epoch": 0,
            "created_at": made.finished_at,
            "deleted_at": min(made.finished_at + timedelta(days=1), now),
        }  # fmt: skip


def transitions(organization: UUID, made: Made) -> Iterator[Row]:
    """As the trigger would have noted them."""
    for was, new, kind, at in _steps(made):
        yield {
            "organization_id": organization,
            "mode": made.caller.mode,
            "generation_id": made.id,
            "old_state": was[0],
            "new_state": new[0],
            "old_attempt": was[1],
            "new_attempt": new[1],
            "ended_by": made.tries if new[0] == "failed" else None,
            "kind": kind,
            "at": at,
        }


_Place = tuple[str, int | None]


def _steps(made: Made) -> Iterator[tuple[_Place, _Place, str, datetime]]:
    stands: _Place = ("", None)
    places: list[_Place] = [] if made.synchronous else [("queued", 0)]
    for number in range(1, made.tries + 1):
        places += [("running", number)] if number == 1 else [("queued", number - 1), ("running", number)]
    for place in places:
        at = made.created_at if place[1] == 0 or made.synchronous else made.started_at
        yield stands, place, "", at
        stands = place
    yield stands, (made.state, made.tries), made.kind, made.finished_at


def entries(organization: UUID, made: Made) -> Iterator[Row]:
    held, charged = made.count, made.delivered
    moves = (
        ("hold", "prepaid", "held", held, made.created_at),
        ("settle", "held", "revenue", charged, made.finished_at),
        ("release", "held", "prepaid", held - charged, made.finished_at),
    )
    for kind, debit, credit, images, at in moves:
        if images:
            yield {
                **_entry(organization, made.caller.mode, kind, debit, credit, at),
                "amount": images * made.cell.size.tokens * made.cell.unit_price,
                "tokens": images * made.cell.size.tokens,
                "unit_price": made.cell.unit_price,
                "generation_id": made.id,
                "reference": f"{kind}:{made.id}",
            }


def grant(organization: UUID, mode: str, amount: int, number: int, at: datetime) -> Row:
    """Credit that was given, in nano-dollars."""
    reason = "Credit for the story" if mode == "live" else "Test wallets refill by themselves."
    return {
        **_entry(organization, mode, "grant", "funding", "prepaid", at),
        "amount": amount,
        "reference": f"history:{mode}:{number}",
        "reason": reason,
        "actor": "seed_history",
    }


def _entry(organization: UUID, mode: str, kind: str, debit: str, credit: str, at: datetime) -> dict[str, Any]:
    return {
        "organization_id": organization, "mode": mode, "kind": kind, "debit": debit, "credit": credit,
        "amount": 0, "tokens": None, "unit_price": None, "generation_id": None, "reference": "", "reason": "",
        "actor": "", "created_at": at,
    }  # fmt: skip


def requests(organization: UUID, made: Made) -> Iterator[Row]:
    """The submit, for a task one to four looks at it, and now and then a call before it that was refused."""
    submit, look = PATHS[made.door]
    if made.id.int % 14 == 0:
        status, kind = REFUSED[made.id.int % len(REFUSED)]
        before = made.created_at - timedelta(seconds=20)
        refused = _request(organization, made, before, "POST", submit, 0.003)
        yield {**refused, "status": status, "kind": kind, "generation_id": None}
    failed = made.synchronous and made.kind in FAILURES
    taken = _request(organization, made, made.created_at, "POST", submit, _wait(made))
    yield {**taken, "request_id": request_id(made), "status": 502, "kind": made.kind} if failed else {
        **taken, "request_id": request_id(made)
    }  # fmt: skip
    for later in range(0 if made.synchronous else 1 + made.id.int % 4):
        yield _request(
            organization, made, made.finished_at + timedelta(seconds=1 + later), "GET", look, 0.004
        )


def _wait(made: Made) -> float:
    return made.drawing if made.synchronous else 0.02


def _request(
    organization: UUID, made: Made, at: datetime, method: str, path: str, seconds: float
) -> dict[str, Any]:
    """One call that was answered well."""
    identifier = ids.uuid7(_milliseconds(at))
    return {
        "id": identifier,
        "at": at,
        "request_id": f"req_{identifier.hex}",
        "organization_id": organization,
        "mode": made.caller.mode,
        "key_id": made.caller.key,
        "member_id": made.caller.member,
        "door": made.door,
        "method": method,
        "path": path,
        "status": 200,
        "kind": "",
        "generation_id": made.id,
        "replayed": False,
        "milliseconds": round(seconds * 1000),
        "bytes_in": 120 + len(made.prompt) if method == "POST" else 0,
        "bytes_out": 480,
        "ip": made.ip,
        "agent": AGENTS[made.door],
    }


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
