"""From a report to GMI Cloud's record of a request, its fields in the documented order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations import handles
from generations.dialects.gmi.next_turn import next_turn_contents
from generations.spec import Kind, Report, State
from generations.wording import decimal_text, dollars

STATUS = {
    State.QUEUED: "queued",
    State.RUNNING: "processing",
    State.SUCCEEDED: "success",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
REASONS: Mapping[Kind, str] = {
    Kind.CONTENT_BLOCKED: "blocked by safety policy",
    Kind.NO_IMAGE: "the model returned no image",
    Kind.UPSTREAM_TIMEOUT: "it took too long",
    Kind.DEADLINE: "it took too long",
    Kind.RATE_LIMITED: "rate limit exceeded",
    Kind.OVERLOADED: "the service is overloaded",
    Kind.MISCONFIGURED: "the model is not available now",
    Kind.UPSTREAM_ERROR: "the model is not available now",
    Kind.BAD_REQUEST: "the parameters were refused",
}
RECITED = "blocked because it repeats existing material"
CANCELLED = "Request was cancelled"


def submitted(report: Report) -> dict[str, Any]:
    """What a submit answers: the short form, or the whole record of a replayed request that is final."""
    if report.state.final:
        return record(report)
    return {
        "request_id": handles.gmi(report.id),
        "model": _model(report),
        "status": STATUS[report.state],
        **_times(report),
    }


def record(report: Report) -> dict[str, Any]:
    """The record as it is now. `next_turn_contents` stands in `outcome` and beside it."""
    outcome = _outcome(report)
    body = {
        "request_id": handles.gmi(report.id),
        "org_id": str(report.organization),
        "model": _model(report),
        "status": STATUS[report.state],
        "is_public": False,
        "payload": _payload(report),
        "outcome": outcome,
    }
    if report.state is State.FAILED and outcome:
        body["error"] = outcome["error"]
    if report.state is State.SUCCEEDED and outcome:
        body["next_turn_contents"] = outcome["next_turn_contents"]
    return body | _times(report)


def _model(report: Report) -> str:
    return report.order.asked if report.dialect == "gmi" else report.order.model


def _times(report: Report) -> dict[str, int]:
    created = int(report.created_at.timestamp())
    return {
        "created_at": created,
        "updated_at": int(report.updated_at.timestamp()),
        "queued_at": created,
    }


def _payload(report: Report) -> dict[str, Any]:
    """As it was sent; for another door's generation, as it would have been."""
    if report.dialect == "gmi":
        return dict(report.order.echo.get("payload") or {})
    ratio = {"aspect_ratio": report.order.ratio} if report.order.ratio else {}
    return {"prompt": report.order.prompt, **ratio}


def _outcome(report: Report) -> dict[str, Any] | None:
    if report.state is State.SUCCEEDED:
        return {
            "media_urls": [
                {"id": str(index), "url": image.url, "width": image.width, "height": image.height}
                for index, image in enumerate(report.images)
            ],
            "next_turn_contents": next_turn_contents(report),
            "request_usage": _usage(report),
            **_until(report),
        }
    if report.state is State.FAILED:
        return {"error": f"Image generation failed: {_reason(report)}"}
    return {"error": CANCELLED} if report.state is State.CANCELLED else None


def _until(report: Report) -> dict[str, int]:
    """How long the links open, in unix seconds. The vendor does not say; ours do."""
    return {"expires_at": int(report.expires_at.timestamp())} if report.expires_at else {}


def _usage(report: Report) -> dict[str, Any]:
    """Input as the provider counted it and nobody pays; output as it is billed."""
    return {
        "prompt_tokens": report.usage.prompt,
        "output_tokens": report.tokens,
        "images": report.order.count * report.tokens // max(report.tokens_held, 1),
        "cost_usd": decimal_text(dollars(report.cost)),
    }


def _reason(report: Report) -> str:
    if report.kind is Kind.CONTENT_BLOCKED and _recited(report):
        return RECITED
    return REASONS.get(report.kind, "internal error") if report.kind else "internal error"


def _recited(report: Report) -> bool:
    return any("RECITATION" in str(part.get("refusal", "")) for part in report.parts)
