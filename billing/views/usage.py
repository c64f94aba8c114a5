"""Usage: what was made, by whom, through which door, what it cost and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.errors import InvalidValue
from accounts.shell import TeamRequest, team_page
from billing import exports, series, usage
from billing.forms.ranges import CUSTOM, GROUPS, RANGES, UsageForm
from billing.series import Group, Series
from billing.usage import COLUMNS
from billing.views import frame
from billing.views.charts import Chart, charts

SHOWN = 100
DRAWN_TITLE = {
    "key": "Keys",
    "model": "Models",
    "dialect": "Doors",
    "member": "Members",
    "outcome": "Outcomes",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one thing of the address."""

    words: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Stat:
    """A number and where its rows are."""

    label: str
    value: Any
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group as the table shows it."""

    words: str
    url: str
    group: Group


@team_page(Permission.USAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """The range that the address names, the last 30 days without one."""
    form = UsageForm(request.GET, kept=frame.kept_zone(request))
    context: dict[str, Any] = {"form": form, "mistakes": form.mistakes, **_bar(request, form)}
    try:
        found = series.gather(request.team.organization, request.team.mode, form.asked)
    except InvalidValue as problem:
        context["mistakes"] = [*form.mistakes, problem.message]
    else:
        context |= _shown(request, form, found)
    response = render(request, "billing/usage.html", context)
    return frame.keep_zone(response, form.cleaned_data.get("timezone", ""))


@team_page(Permission.EXPORT_BILLING)
@require_safe
def export(request: TeamRequest) -> HttpResponseBase:
    """The same numbers as a file: a line for each step, of each group."""
    form = UsageForm(request.GET, kept=frame.kept_zone(request))
    asked, team = form.asked, request.team
    try:
        report = usage.report(
            team.organization,
            team.mode,
            since=asked.since,
            until=asked.until,
            zone=asked.zone,
            by=(asked.step, asked.by) if asked.by else (asked.step,),
            where=asked.where,
        )
    except InvalidValue as problem:
        return HttpResponse(problem.message, status=400, content_type="text/plain; charset=utf-8")
    return exports.usage_file(report)


# ---- what is chosen --------------------------------------------------------------------------


def _bar(request: TeamRequest, form: UsageForm) -> dict[str, Any]:
    """Everything above the numbers: range, step, group, filters, timezone."""
    by, step = form.cleaned_data.get("by", ""), form.asked.step
    first, last = form.days
    return {
        "ranges": [
            Choice(words, form.query(range=value, **_ends(form, value)), form.length == value)
            for value, words in RANGES
        ],
        "custom": form.length == CUSTOM,
        "first": first,
        "last": last,
        "steps": [
            Choice(words, form.query(step=value), step == value)
            for value, words in (("day", "By day"), ("hour", "By hour"))
            if value == "day" or form.may_be_hourly
        ],
        "groups": [Choice(words, form.query(by=value), by == value) for value, words in GROUPS.items()],
        "chips": _chips(request, form),
        "zone": str(form.zone),
        "zones": frame.SORTED_ZONES,
        "kept": [
            (name, value) for name, value in form.cleaned_data.items() if name in (*COLUMNS, "step", "by")
        ],
        "export": f"{frame.address(request, 'export_usage')}{form.query()}",
        "may_export": request.team.may(Permission.EXPORT_BILLING),
    }


def _ends(form: UsageForm, length: str) -> dict[str, Any]:
    """A custom range begins as the one that is shown."""
    first, last = form.days
    return {"from": first, "to": last} if length == CUSTOM else {"from": "", "to": ""}


def _chips(request: TeamRequest, form: UsageForm) -> list[Choice]:
    made = []
    for name, value in form.where.items():
        words = frame.named(request, name, [value])[value]
        made.append(Choice(f"{form[name].label}: {words}", form.query(**{name: ""}), True))
    return made


# ---- what is shown ---------------------------------------------------------------------------


def _shown(request: TeamRequest, form: UsageForm, found: Series) -> dict[str, Any]:
    by = found.asked.by
    names = frame.named(request, by, [group.value for group in found.groups[:SHOWN]]) if by else {}
    return {
        "empty": not found.totals.generations,
        "totals": found.totals,
        "stats": _stats(request, form, found),
        "charts": _charts(request, form, found, names),
        "by": GROUPS[by].lower() if by else "",
        "by_title": DRAWN_TITLE.get(by, ""),
        "group_rows": [_group_row(form, by, group, names) for group in found.groups[:SHOWN]],
        "more_groups": max(len(found.groups) - SHOWN, 0),
        "failed": found.failed,
    }


def _stats(request: TeamRequest, form: UsageForm, found: Series) -> list[Stat]:
    """Each leads to the rows behind it: tasks, entries for those who see no tasks, else further down."""
    totals = found.totals
    span = {"from": found.asked.since.isoformat(), "to": found.asked.until.isoformat()}
    narrowed = {name: form.where[name] for name in ("key", "model", "dialect") if name in form.where}
    made = frame.tasks(request, state="succeeded", **narrowed, **span)
    all_tasks = frame.tasks(request, **narrowed, **span)
    failed = frame.tasks(request, state="failed", **narrowed, **span)
    charged = frame.entries(request, kind="settle", timezone=str(form.zone), **span)
    released = frame.entries(request, kind="release", timezone=str(form.zone), **span)
    return [
        Stat("Images", totals.images, made or charged or "#images"),
        Stat("Tokens", totals.tokens, charged or made or "#tokens"),
        Stat("Spend", totals.amount, charged or made or "#spend"),
        Stat("Failed", found.failed_share * 100, failed or released or "#errors", _of(found)),
        Stat("Mean latency", totals.average_seconds, all_tasks or "#latency"),
    ]


def _of(found: Series) -> str:
    tasks = found.totals.generations
    return f"{found.failed:,} of {tasks:,} task{'' if tasks == 1 else 's'}".replace(",", "\u2009")


def _charts(request: TeamRequest, form: UsageForm, found: Series, names: dict[Any, str]) -> list[Chart]:
    kinds = [frame.outcome(kind) for kind in found.kinds]
    return charts(found, [names[value] for value in found.drawn], kinds, _opener(request, form))


def _opener(request: TeamRequest, form: UsageForm) -> Callable[[datetime], str]:
    """A day leads to its hours, an hour to its tasks."""
    if form.asked.step == "day":
        return lambda at: form.query(**{"range": CUSTOM, "from": at.date(), "to": at.date(), "step": "hour"})
    narrowed = {name: form.where[name] for name in ("key", "model", "dialect") if name in form.where}

    def tasks(at: datetime) -> str:
        until = datetime.fromtimestamp(at.timestamp() + timedelta(hours=1).total_seconds(), at.tzinfo)
        return frame.tasks(request, **narrowed, **{"from": at.isoformat(), "to": until.isoformat()})

    return tasks


def _group_row(form: UsageForm, by: str, group: Group, names: dict[Any, str]) -> GroupRow:
    """A group leads to the same page, narrowed to it."""
    url = form.query(**{by: group.value, "by": ""}) if group.value not in (None, "") else ""
    return GroupRow(names[group.value], url, group)
