"""Many generations at once, in the shape of OpenAI's lists."""

from __future__ import annotations

from typing import Any

from generations.dialects.openai.errors import failure
from generations.dialects.openai.images import standing, usage
from generations.spec import Listed, Report


def history_body(page: Listed) -> dict[str, Any]:
    """`{"object": "list", "data", "first_id", "last_id", "has_more"}`; links instead of pictures."""
    data = [_item(report) for report in page.reports]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": page.total > len(data),
    }


def _item(report: Report) -> dict[str, Any]:
    problem = failure(report) if report.state.final else None
    return standing(report) | {
        "created": int(report.created_at.timestamp()),
        "model": report.order.model,
        "usage": usage(report),
        "error": {"code": problem.kind.value, "message": problem.message} if problem else None,
    }
