"""How the platform does, for operators: roll-ups of whole hours and days, and what has happened since.

    roll_up()            the janitor's: hours that are over become rows, and days of them
    report(period, ...)  what a period came to: by day, organization, model, door, outcome
    paces(period, ...)   how long successes took, by door and by provider
    waiting(mode)        the queue at this moment

A report costs the same for any number of generations: at most its days, two days of hours, and the
generations that ended since the last roll-up.
"""

from __future__ import annotations

from generations.pulse.buckets import Times
from generations.pulse.queue import Waiting, waiting
from generations.pulse.reading import Line, Paces, Period, Report, paces, report
from generations.pulse.rollup import roll_up

__all__ = ["Line", "Paces", "Period", "Report", "Times", "Waiting", "paces", "report", "roll_up", "waiting"]
