"""The operators' first page: the queue now, what a period came to, how fast, who and what, and what is ill.

Everything comes from roll-ups (`generations.pulse`), the queue from the index of what is not final. Each
number leads to the rows behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.urls import reverse

from accounts.access import Permission
from accounts.admin.columns import span
from accounts.admin.filters import moment_of
from accounts.admin.names import names_of
from accounts.admin.who import may
from billing.admin.ledger import given_back, waiting_requests
from billing.money import dollars
from billing.templatetags.money import usd
from generations import pulse
from generations.admin.contests import waiting_contests
from generations.admin.health import channels_now
from generations.pulse import Line, Paces, Period, Report
from runtime.clock import utc_now

SPANS = {"24h": ("24 hours", 1), "7d": ("7 days", 7), "30d": ("30 days", 30), "90d": ("90 days", 90)}
MOST = 8
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    period: Period
    mode: str
    span: str
    first: str = ""
    last: str = ""

    @property
    def hours(self) -> str:
        return f"{self.period.since:%Y-%m-%d %H:%M} to {self.period.until:%Y-%m-%d %H:%M} UTC"

    def ended(self, **more: Any) -> str:
        """The generations of the period, narrowed further."""
        bounds = _bounds(self.period.since, self.period.until)
        return _list("generations_generation", mode=self.mode, **bounds, **more)


def _bounds(begin: datetime, end: datetime) -> dict[str, str]:
    """When generations ended, as their list takes it."""
    return {"ended_from": begin.isoformat(timespec="minutes"), "ended_to": end.isoformat(timespec="minutes")}


def asked(request: HttpRequest) -> Asked:
    """The period and the mode; the past day of live work unless said otherwise."""
    mode = "test" if request.GET.get("mode") == "test" else "live"
    now = utc_now()
    chosen = _dates(request)
    if chosen:
        return Asked(Period.around(*chosen), mode, "", request.GET["from"], request.GET["to"])
    word = request.GET.get("period", "")
    word = word if word in SPANS else "24h"
    return Asked(Period.around(now - timedelta(days=SPANS[word][1]), now), mode, word)


def _dates(request: HttpRequest) -> tuple[datetime, datetime] | None:
    """From a day up to and with another, if both are days."""
    try:
        begin, end = moment_of(request.GET.get("from", ""))[0], moment_of(request.GET.get("to", ""))[1]
    except IncorrectLookupParameters:
        return None
    return (begin, min(end, utc_now())) if begin < min(end, utc_now()) and end - begin <= LONGEST else None


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows to this operator."""
    wanted = asked(request)
    shown: dict[str, Any] = {"asked": wanted, "spans": _spans(wanted), "modes": _modes(wanted)}
    if may(request, Permission.GENERATION_READ):
        shown["queue"] = _queue(wanted)
    if may(request, Permission.PLATFORM_READ):
        shown["channels"] = channels_now()
    if may(request, Permission.USAGE_READ):
        report = pulse.report(wanted.period, wanted.mode)
        shown |= {
            "figures": _figures(request, wanted, report),
            "chart": _chart(report),
            "days": _days(wanted, report),
            "tops": _tops(request, wanted, report),
        }
    if may(request, Permission.GENERATION_READ):
        doors, providers = pulse.paces(wanted.period, wanted.mode)
        shown["paces"] = [*_doors(wanted, doors), *_providers(providers)]
    return shown


# ---- what is chosen ------------------------------------------------------------------------------


def _spans(wanted: Asked) -> list[tuple[str, str, bool]]:
    return [
        (title, f"?{urlencode({'period': word, 'mode': wanted.mode})}", word == wanted.span)
        for word, (title, _) in SPANS.items()
    ]


def _modes(wanted: Asked) -> list[tuple[str, str, bool]]:
    period = {"period": wanted.span} if wanted.span else {"from": wanted.first, "to": wanted.last}
    return [
        (mode.capitalize(), f"?{urlencode(period | {'mode': mode})}", mode == wanted.mode)
        for mode in ("live", "test")
    ]


# ---- figures -------------------------------------------------------------------------------------


def _queue(wanted: Asked) -> list[dict[str, str]]:
    now = pulse.waiting(wanted.mode)
    lanes = _list("generations_lane", mode=wanted.mode)
    running = _list("generations_generation", state="running", mode=wanted.mode)
    oldest = "nothing waits" if now.oldest is None else f"oldest {span(now.oldest)}"
    stuck = {"tone": "bad"} if now.stuck else {}
    return [
        {"title": "Waiting", "value": f"{now.queued:,}", "unit": oldest, "link": lanes},
        {"title": "Running", "value": f"{now.running:,}", "unit": "now", "link": running},
        {
            "title": "Stuck",
            "value": f"{now.stuck:,}",
            "unit": "past lease or deadline",
            "link": running,
            **stuck,
        },
    ]


def _figures(request: HttpRequest, wanted: Asked, report: Report) -> list[dict[str, str]]:
    total = report.total
    usage = _list("billing_usage", **_quarters(wanted), by="day")
    back = given_back(wanted.period.since, wanted.period.until, wanted.mode)
    refunds = _list("billing_entry", kind="refund", mode=wanted.mode)
    figures = [
        _rate(wanted, total),
        {
            "title": "Images",
            "value": f"{total.images:,}",
            "unit": f"{total.generations:,} generations",
            "link": usage,
        },
        {"title": "Tokens", "value": f"{total.tokens:,}", "unit": "charged", "link": usage},
        {"title": "Revenue", "value": usd(total.amount), "unit": "charged", "link": usage},
        {"title": "Refunded", "value": usd(back), "unit": "in this time", "link": refunds},
    ]
    return [*figures, *_to_answer(request)]


def _to_answer(request: HttpRequest) -> list[dict[str, str]]:
    """What teams ask and this operator may answer, where something waits."""
    asked = (
        (Permission.CREDIT_MANAGE, "Credit requests", waiting_requests, "billing_creditrequest"),
        (Permission.REFUND_MAKE, "Contested images", waiting_contests, "generations_contest"),
    )
    return [
        {
            "title": title,
            "value": f"{many:,}",
            "unit": "wait for an answer",
            "link": _list(view, state="open"),
        }
        for permission, title, count, view in asked
        if may(request, permission) and (many := count())
    ]


def _rate(wanted: Asked, total: Line) -> dict[str, str]:
    rate = total.error_rate
    return {
        "title": "Error rate",
        "value": "–" if rate is None else f"{rate:.2%}",
        "unit": f"{total.failed:,} failed",
        "link": wanted.ended(state="failed"),
        "tone": "bad" if rate is not None and rate > 0.1 else "",
    }


def _quarters(wanted: Asked) -> dict[str, str]:
    """The period as the list of usage takes it."""
    return {
        "quarter__gte": wanted.period.since.isoformat(),
        "quarter__lt": wanted.period.until.isoformat(),
        **({"mode": "test"} if wanted.mode == "test" else {}),
    }


# ---- by day --------------------------------------------------------------------------------------


def _chart(report: Report) -> dict[str, Any]:
    """What the script draws; the same numbers stand in the table."""
    return {
        "days": [f"{day:%Y-%m-%d}" for day in report.days],
        "images": [line.images for line in report.days.values()],
        "tokens": [line.tokens for line in report.days.values()],
        "revenue": [float(dollars(line.amount)) for line in report.days.values()],
    }


def _days(wanted: Asked, report: Report) -> list[dict[str, Any]]:
    return [
        {"line": line, "day": f"{day:%Y-%m-%d}", "link": _day(wanted, day), **_shown(line)}
        for day, line in sorted(report.days.items(), reverse=True)
    ]


def _day(wanted: Asked, day: datetime) -> str:
    """The generations that ended on that day, within the period."""
    begin = max(day.astimezone(UTC), wanted.period.since)
    end = min(day.astimezone(UTC) + timedelta(days=1), wanted.period.until)
    bounds = {
        "ended_from": begin.isoformat(timespec="minutes"),
        "ended_to": end.isoformat(timespec="minutes"),
    }
    return _list("generations_generation", mode=wanted.mode, **bounds)


def _shown(line: Line) -> dict[str, str]:
    rate = line.error_rate
    return {
        "generations": f"{line.generations:,}",
        "images": f"{line.images:,}",
        "tokens": f"{line.tokens:,}",
        "amount": usd(line.amount),
        "rate": "" if rate is None else f"{rate:.1%}",
    }


# ---- how fast ------------------------------------------------------------------------------------


def _doors(wanted: Asked, paces: Paces) -> list[dict[str, str]]:
    return [
        _pace("door", name, paces, wanted.ended(state="succeeded", dialect=name)) for name in sorted(paces)
    ]


def _providers(paces: Paces) -> list[dict[str, str]]:
    lists = {name: _list("generations_attempt", outcome="succeeded", provider=name) for name in paces}
    return [_pace("provider", name, paces, lists[name]) for name in sorted(paces)]


def _pace(about: str, name: str, paces: Paces, link: str) -> dict[str, str]:
    times = paces[name]
    half, most = times.quantile(0.5), times.quantile(0.95)
    return {
        "about": about,
        "name": name,
        "half": _seconds(half),
        "most": _seconds(most),
        "count": f"{times.total:,}",
        "link": link,
    }


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s" if seconds < 100 else span(seconds)


# ---- who and what --------------------------------------------------------------------------------


def _tops(request: HttpRequest, wanted: Asked, report: Report) -> list[dict[str, Any]]:
    """The largest of each side."""
    largest = _largest(report.organizations)
    names = names_of([identifier for identifier, _ in largest])
    failures = {k: line for k, line in report.outcomes.items() if k not in ("succeeded", "cancelled")}
    return [
        {
            "title": "Organizations",
            "rows": [
                (names.get(one, "an organization"), _shown(line), wanted.ended(organization__id__exact=one))
                for one, line in largest
            ],
        },
        {"title": "Models", "rows": _rows(report.models, lambda name: wanted.ended(model=name))},
        {"title": "Doors", "rows": _rows(report.doors, lambda name: wanted.ended(dialect=name))},
        {
            "title": "Errors",
            "errors": True,
            "rows": [
                (kind.replace("_", " "), f"{line.generations:,}", wanted.ended(kind=kind))
                for kind, line in sorted(failures.items(), key=lambda one: -one[1].generations)[:MOST]
            ],
        },
    ]


def _largest(lines: Mapping[UUID, Line]) -> list[tuple[UUID, Line]]:
    return sorted(lines.items(), key=lambda one: (-one[1].amount, -one[1].generations))[:MOST]


def _rows(lines: Mapping[str, Line], link: Any) -> list[tuple[str, dict[str, str], str]]:
    ranked = sorted(lines.items(), key=lambda one: (-one[1].amount, -one[1].generations))
    return [(name, _shown(line), link(name)) for name, line in ranked[:MOST]]


def _list(view: str, **lookups: Any) -> str:
    return f"{reverse(f'admin:{view}_changelist')}?{urlencode(lookups)}"
