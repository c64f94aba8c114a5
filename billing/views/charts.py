"""A series as the page shows it: five charts, and behind each the table of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.templatetags.house import count, seconds
from billing.money import dollars
from billing.series import Point, Series
from billing.templatetags.money import books_usd
from billing.usage import Totals

REST = "Others"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One step as words, and where it leads."""

    words: str
    url: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`data` is what is drawn; `columns`, `rows` and `foot` are the same as a table."""

    name: str
    title: str
    total: str
    data: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    foot: tuple[str, ...]

    @property
    def data_id(self) -> str:
        """Where on the page the drawn numbers are."""
        return f"{self.name}-numbers"


@dataclass(frozen=True, slots=True)
class _Measure:
    """How one number of a step is taken, written and drawn."""

    name: str
    title: str
    unit: str
    of: Callable[[Totals], int]
    words: Callable[[int], str]
    drawn: Callable[[int], float]


_MEASURES = (
    _Measure("images", "Images", "images", lambda totals: totals.images, count, float),
    _Measure("tokens", "Tokens", "tokens", lambda totals: totals.tokens, count, float),
    _Measure(
        "spend",
        "Spend",
        "dollars",
        lambda totals: totals.amount,
        books_usd,
        lambda nano: float(dollars(nano)),
    ),
)


def charts(
    series: Series, names: Sequence[str], kinds: Sequence[str], url: Callable[[datetime], str]
) -> list[Chart]:
    """Images, tokens, spend, latency, errors. `names` are those of the drawn groups (none: not grouped),
    `kinds` those of the failures; `url` is where a step leads."""
    named = [*names, *([REST] if series.rest else [])]
    labels = [_words(point.at, series) for point in series.points]
    urls = [url(point.at) for point in series.points]
    steps = list(zip(labels, urls, strict=True))
    return [
        *(_summed(measure, series, named, steps) for measure in _MEASURES),
        _latency(series, steps),
        _errors(series, kinds, steps),
    ]


def _words(at: datetime, series: Series) -> str:
    """`3 Nov`, `3 Nov 14:00`; an hour that comes twice says in which time it is meant."""
    day = f"{at.day} {at:%b}"
    if series.asked.step == "day":
        return day
    twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return f"{day} {at:%H:%M}{at: %Z}" if twice else f"{day} {at:%H:%M}"


Steps = Sequence[tuple[str, str]]


def _summed(measure: _Measure, series: Series, names: Sequence[str], steps: Steps) -> Chart:
    """A bar for each step, in the parts of the groups."""
    columns = tuple(names) or (measure.title,)
    parts = [tuple(map(measure.of, _parts(point, names))) for point in series.points]
    wholes = [measure.of(point.totals) for point in series.points]
    total = measure.words(measure.of(series.totals))
    sums = [sum(part[place] for part in parts) for place in range(len(columns))]
    grouped = len(columns) > 1
    rows = [
        Row(*step, tuple(map(measure.words, (*part, whole) if grouped else part)))
        for step, part, whole in zip(steps, parts, wholes, strict=True)
    ]
    return Chart(
        name=measure.name,
        title=measure.title,
        total=total,
        data=_data("bar", measure.unit, steps, columns, [list(map(measure.drawn, part)) for part in parts]),
        columns=(*columns, "All") if grouped else columns,
        rows=tuple(rows),
        foot=(*map(measure.words, sums), total) if grouped else (total,),
    )


def _parts(point: Point, names: Sequence[str]) -> tuple[Totals, ...]:
    return point.groups if names else (point.totals,)


def _latency(series: Series, steps: Steps) -> Chart:
    """The mean from submit to the final state."""
    means = [point.totals.average_seconds for point in series.points]
    whole = seconds(series.totals.average_seconds)
    return Chart(
        name="latency",
        title="Mean latency",
        total=whole or "No tasks",
        data=_data("line", "seconds", steps, ("Mean latency",), [[mean] for mean in means]),
        columns=("Mean latency",),
        rows=tuple(Row(*step, (seconds(mean) or "–",)) for step, mean in zip(steps, means, strict=True)),
        foot=(whole or "–",),
    )


def _errors(series: Series, kinds: Sequence[str], steps: Steps) -> Chart:
    """Failed tasks by their kind."""
    columns = tuple(kinds) or ("Failed",)
    parts = [point.failures or (0,) for point in series.points]
    rows = [
        Row(*step, tuple(map(count, (*part, sum(part)) if len(columns) > 1 else part)))
        for step, part in zip(steps, parts, strict=True)
    ]
    sums = [sum(part[place] for part in parts) for place in range(len(columns))]
    return Chart(
        name="errors",
        title="Failed tasks",
        total=count(series.failed),
        data=_data("bar", "tasks", steps, columns, [list(map(float, part)) for part in parts]),
        columns=(*columns, "All") if len(columns) > 1 else columns,
        rows=tuple(rows),
        foot=tuple(map(count, (*sums, series.failed) if len(columns) > 1 else sums)),
    )


def _data(
    kind: str, unit: str, steps: Steps, columns: Sequence[str], parts: Sequence[Sequence[float | None]]
) -> dict[str, Any]:
    """For `static/js/charts.js`: a list of values for each column."""
    return {
        "kind": kind,
        "unit": unit,
        "labels": [words for words, _ in steps],
        "series": [
            {"name": name, "values": [part[place] for part in parts], "rest": name == REST}
            for place, name in enumerate(columns)
        ],
    }
