"""From a report to ToAPIs' task object, its fields in the documented order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations import handles
from generations.spec import Kind, Report, State
from generations.wording import credits, decimal_text, dollars

LINK_SECONDS = 24 * 3600  # how long the vendor promises a link; ours lasts at least as long
STATUS = {
    State.QUEUED: "queued",
    State.RUNNING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # the vendor has no word for it
}
CODES: Mapping[Kind, str] = {
    Kind.CONTENT_BLOCKED: "content_policy_violation",
    Kind.UPSTREAM_TIMEOUT: "timeout",
    Kind.DEADLINE: "timeout",
    Kind.UNSUPPORTED_MEDIA: "invalid_image_url",
    Kind.TOO_LARGE: "invalid_image_url",
}
FAILED, CANCELLED = "The image could not be generated", "The task was cancelled"


def task_body(report: Report, credits_per_dollar: int | None = None) -> dict[str, Any]:
    """The task object.

    Credits are at the rate the generation was made with; `credits_per_dollar` is for one that came
    through another door, at another rate or at none.
    """
    rate = report.credits_per_dollar if credits_per_dollar is None else credits_per_dollar
    body: dict[str, Any] = {
        "id": handles.toapis(report.id),
        "object": "generation.task",
        "model": report.order.asked if report.dialect == "toapis" else report.order.model,
        "status": STATUS[report.state],
        "progress": _progress(report),
        "created_at": int(report.created_at.timestamp()),
    }
    return body | _ending(report, rate)


def _progress(report: Report) -> int:
    """100 only when completed, 0 while queued and after a failure."""
    if report.state is State.RUNNING:
        return max(1, min(99, report.progress))
    return 100 if report.state is State.SUCCEEDED else 0


def _ending(report: Report, rate: int) -> dict[str, Any]:
    """What the state adds to the task."""
    if report.state is State.QUEUED:
        return {"metadata": {}}
    if report.state is State.RUNNING:
        return {}
    billing = {"billing": _billing(report, rate)}
    if report.state is State.SUCCEEDED:
        return _result(report) | billing | {"metadata": {}}
    return {"error": _error(report)} | billing


def _result(report: Report) -> dict[str, Any]:
    """Both places that clients read: `url` and `result.data[0].url`. Images no longer kept have none."""
    completed = int((report.finished_at or report.updated_at).timestamp())
    urls = [image.url for image in report.images]
    return {
        "completed_at": completed,
        "expires_at": completed + LINK_SECONDS,
        **({"url": urls[0]} if urls else {}),
        "result": {"type": "image", "data": [{"url": url} for url in urls]},
    }


def _error(report: Report) -> dict[str, str]:
    fallback = CANCELLED if report.state is State.CANCELLED else FAILED
    code = CODES.get(report.kind, "generation_failed") if report.kind else "generation_failed"
    return {"code": code, "message": report.message or fallback}


def _billing(report: Report, rate: int) -> dict[str, str]:
    """Decimal strings; a task without a picture costs nothing."""
    return {
        "status": "settled" if report.state is State.SUCCEEDED else "refunded",
        "credits": decimal_text(credits(report.cost, rate)),
        "cost_usd": decimal_text(dollars(report.cost)),
    }
