"""The headers that every answer of every door carries."""

from __future__ import annotations

import time

from accounts.limits import Allowance
from billing.money import dollars, plain
from generations.dialect import Answer
from generations.errors import Problem
from generations.spec import Report


def dress(
    answer: Answer,
    *,
    request_id: str,
    allowance: Allowance | None,
    problem: Problem | None,
    report: Report | None,
) -> None:
    """Add what is known: the request's id, the caller's share of the minute, and what a problem or a
    generation has to say."""
    answer.headers.setdefault("X-Request-ID", request_id)
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    if allowance:
        answer.headers.update(_rate_headers(allowance))
    if problem:
        _dress_problem(answer, problem)
    if report:
        _dress_report(answer, report)


def _dress_problem(answer: Answer, problem: Problem) -> None:
    if problem.retry_after is not None:
        answer.headers.setdefault("Retry-After", str(problem.retry_after))
    if problem.generation:
        answer.headers["x-should-retry"] = "false"
        answer.headers["X-Easel-Generation"] = str(problem.generation)


def _dress_report(answer: Answer, report: Report) -> None:
    headers = answer.headers
    headers["X-Easel-Generation"] = str(report.id)
    if report.state.final:
        headers["X-Easel-Tokens"] = str(report.tokens)
        headers["X-Easel-Cost-USD"] = plain(dollars(report.cost))
    if adjusted := (*report.order.adjusted, *_fewer(report)):
        headers["X-Easel-Adjusted"] = "; ".join(adjusted).encode("ascii", "replace").decode()
    if report.replayed:
        headers["Idempotency-Replayed"] = "true"
    if answer.status >= 400:
        headers["x-should-retry"] = "false"


def _fewer(report: Report) -> tuple[str, ...]:
    """Says so when fewer images came than were asked for (and charged)."""
    asked = report.order.count
    delivered = asked * report.tokens // max(report.tokens_held, 1)
    return (f"n {asked} -> {delivered}",) if 0 < delivered < asked else ()


def _rate_headers(allowance: Allowance) -> dict[str, str]:
    limit, left, reset = allowance.limit, allowance.remaining, allowance.reset_seconds
    return {
        "RateLimit-Policy": f'"requests";q={limit};w=60',
        "RateLimit": f'"requests";r={left};t={reset}',
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": str(reset),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(int(time.time()) + reset),
    }
