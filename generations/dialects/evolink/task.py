"""From a report to EvoLink's task object, its fields in the documented order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations import handles
from generations.spec import Kind, Report, State
from generations.wording import credits, dollars, json_number

CREDITS_PER_YUAN = 10
STATUS = {
    State.QUEUED: "pending",
    State.RUNNING: "processing",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # the documented status has no word of its own for it
}
LATER = "Try again later; nothing was charged."

TASK_ERRORS: Mapping[Kind, tuple[str, str, str]] = {
    Kind.CONTENT_BLOCKED: (
        "content_policy_violation",
        "Blocked by the safety filter.",
        "Change the prompt and submit a new task; nothing was charged.",
    ),
    Kind.BAD_REQUEST: ("invalid_parameters", "The parameters were refused.", "Correct the parameters."),
    Kind.CANCELLED: ("request_cancelled", "The task was cancelled.", "Submit a new task if you need it."),
    Kind.NO_IMAGE: (
        "generation_failed_no_content",
        "The model made no image.",
        "Ask for an image more plainly; nothing was charged.",
    ),
    Kind.INTERNAL: ("service_error", "The service failed.", LATER),
    Kind.WORKER_LOST: ("service_error", "The service failed.", LATER),
    Kind.UPSTREAM_TIMEOUT: ("generation_timeout", "The generation took too long.", LATER),
    Kind.DEADLINE: ("generation_timeout", "The generation took too long.", LATER),
    Kind.OVERLOADED: ("resource_exhausted", "The service is overloaded.", LATER),
    Kind.RATE_LIMITED: ("quota_exceeded", "Too many requests.", "Slow down and submit again."),
    Kind.UPSTREAM_ERROR: ("service_unavailable", "The model is not available now.", LATER),
    Kind.MISCONFIGURED: ("service_unavailable", "The model is not available now.", LATER),
    Kind.NOT_FOUND: ("resource_not_found", "A resource was not found.", "Check the ids in the request."),
    Kind.GONE: ("resource_not_found", "A resource is gone.", "Check the ids in the request."),
}

UNKNOWN_TASK_ERROR = ("unknown_error", "The task failed.", "Contact support with the task id.")


def task_body(report: Report, credits_per_dollar: int | None = None) -> dict[str, Any]:
    """The task object, its fields in the documented order.

    Credits are at the rate the generation was made with; `credits_per_dollar` is for one that came
    through another door, at another rate or at none.
    """
    rate = report.credits_per_dollar if credits_per_dollar is None else credits_per_dollar
    body: dict[str, Any] = {
        "created": int(report.created_at.timestamp()),
        "id": handles.evolink(report.id, report.ticket),
        "model": shown_model(report),
        "object": "image.generation.task",
        "progress": progress(report),
    }
    if report.state is State.SUCCEEDED:
        body["results"] = [image.url for image in report.images]
    body["status"] = STATUS[report.state]
    if body["status"] == "failed":
        body["error"] = _task_error(report)
    return body | {"task_info": _task_info(report), "type": "image", "usage": _usage(report, rate)}


def callback_body(report: Report) -> dict[str, Any]:
    """What is sent to the order's `callback_url`: exactly what a query answers at this door. For an
    order of this door in its final state; as compact UTF-8 JSON (`Answer.content`) byte for byte."""
    return task_body(report)


def shown_model(report: Report) -> str:
    """The name that the client used, if he used one of this door's."""
    return report.order.asked if report.dialect == "evolink" else report.order.model


def progress(report: Report) -> int:
    """100 only when completed, 0 while pending and after a failure."""
    if report.state is State.RUNNING:
        return max(1, min(99, report.progress))
    return 100 if report.state is State.SUCCEEDED else 0


def _task_info(report: Report) -> dict[str, Any]:
    if report.state.final:
        return {"can_cancel": False}
    return {"can_cancel": report.can_cancel, "estimated_time": report.estimated_seconds}


def _task_error(report: Report) -> dict[str, str]:
    kind = report.kind or (Kind.CANCELLED if report.state is State.CANCELLED else Kind.INTERNAL)
    code, message, suggestion = TASK_ERRORS.get(kind, UNKNOWN_TASK_ERROR)
    return {
        "code": code,
        "message": report.message or message,
        "type": "task_error",
        "suggestion": suggestion,
    }


def _usage(report: Report, rate: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "billing_rule": "per_call",
        "credits_reserved": json_number(credits(report.held, rate)),
    }
    if report.state.final:
        used = credits(report.cost, rate)
        usage["credits_used"] = json_number(used)
        usage["cost"] = {
            "credits": json_number(used),
            "usd": json_number(dollars(report.cost)),
            "cny": json_number(used / CREDITS_PER_YUAN),
        }
    return usage | {"user_group": "default"}
