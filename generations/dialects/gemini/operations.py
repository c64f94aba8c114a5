"""A generation as one of Google's operations: what it is, how far, and how it ended."""

from __future__ import annotations

from typing import Any

from generations import handles
from generations.dialects.gemini.errors import ERRORS, failure
from generations.spec import Listed, Report, State

STATES = {
    State.QUEUED: "PENDING",
    State.RUNNING: "RUNNING",
    State.SUCCEEDED: "SUCCEEDED",
    State.FAILED: "FAILED",
    State.CANCELLED: "CANCELLED",
}


def operation(report: Report) -> dict[str, Any]:
    """`{"name", "done", "metadata"}`, and `error` where it ended without a picture. The pictures themselves
    are at its name."""
    metadata: dict[str, Any] = {
        "state": STATES[report.state],
        "progressPercent": report.progress,
        "createTime": report.created_at.isoformat().replace("+00:00", "Z"),
    }
    if report.images:
        metadata["links"] = [image.url for image in report.images]
    body = {
        "name": f"generations/{handles.gemini(report.id)}",
        "done": report.state.final,
        "metadata": metadata,
    }
    return body | _ending(report)


def operations(page: Listed) -> dict[str, Any]:
    """`{"generations"}`, and `nextPageToken` while there are older ones."""
    body: dict[str, Any] = {"generations": [operation(report) for report in page.reports]}
    if page.total > len(page.reports):
        body["nextPageToken"] = handles.gemini(page.reports[-1].id)
    return body


def _ending(report: Report) -> dict[str, Any]:
    problem = failure(report) if report.state.final else None
    if problem is None:
        return {}
    status, name = ERRORS[problem.kind]
    return {"error": {"code": status, "message": problem.message, "status": name}}
