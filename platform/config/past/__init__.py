"""A believable past for demonstrations and benchmarks: weeks of generations at every door, with the
ledger, the attempts, the transitions, the requests and the roll-ups that they would have left.

    story.py     what happened: one `Made` after the other, in the order of time
    rows.py      what each of them left in which table
    writer.py    puts the rows into the database, thousands at once

The rows obey every rule that `prove_ledger` checks; only who wrote them differs.
"""

from __future__ import annotations

from config.past.story import Story
from config.past.writer import write

__all__ = ["Story", "write"]
