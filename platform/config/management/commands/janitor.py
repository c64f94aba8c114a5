"""`manage.py janitor`: the loops that keep the house in order. Any number of them may run."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from accounts.webhooks.dispatcher import STOP_SECONDS, Dispatcher
from billing import alerts, hours, seals
from config.proof.run import prove
from generations import notices, orphans, pulse, sweep, transcripts
from generations.actions import batches
from generations.batches import feeding
from generations.guard import Guard
from runtime import database

log = structlog.get_logger(__name__)

HOUR = 3600.0


@dataclass
class Chore:
    """Something to do every so many seconds; `aside`, in a thread of its own, when it takes long."""

    name: str
    every: float
    run: Callable[[], object]
    due: float = field(default=0.0)
    aside: bool = False
    _thread: threading.Thread | None = field(default=None, init=False)

    def turn(self) -> None:
        """Run it, here or aside; one that still runs is not started again."""
        self.due = time.monotonic() + self.every
        if not self.aside:
            self.do()
        elif self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._do_aside, name=self.name, daemon=True)
            self._thread.start()

    def _do_aside(self) -> None:
        try:
            self.do()
        finally:
            connection.close()

    def do(self) -> None:
        """Run it once; what goes wrong is logged and tried again at the next turn."""
        try:
            done = self.run()
        except Exception as error:
            if database.is_away(error):
                log.warning("janitor.database_away", chore=self.name)
                connection.close()
            else:
                log.exception("janitor.chore_failed", chore=self.name)
        else:
            if done:
                log.info("janitor.did", chore=self.name, count=int(done) if isinstance(done, int) else 1)


def prove_all() -> int:
    """The nightly reconciliation: usage, ledger and history must agree (B14). Returns how many rows
    are wrong; each is an error in the log, which is what alerts."""
    proof = prove()
    for finding in proof.findings:
        for broken in finding.broken:
            log.error("ledger.broken", invariant=finding.id, row=broken.row, what=broken.what)
    return proof.broken


def chores() -> list[Chore]:
    """All of them, with their rhythm in seconds."""
    return [
        Chore("wake forgotten", 1.0, sweep.wake_forgotten),
        Chore("reap", settings.EASEL.reap_seconds, sweep.reap),
        Chore("expire", settings.EASEL.reap_seconds, sweep.expire),
        Chore("feed batches", 1.0, feeding.run, aside=True),
        Chore("age batches", 60.0, batches.age),
        Chore("forget idempotency", 600.0, sweep.forget_idempotency),
        Chore("forget beats", 60.0, sweep.forget_beats),
        Chore("seal", 60.0, seals.seal_all),
        Chore("roll up", 60.0, pulse.roll_up, aside=True),
        Chore("roll up usage", 60.0, hours.roll_up, aside=True),
        Chore("tell of money", 60.0, alerts.tell),
        Chore("guard keys", 15.0, Guard().look, aside=True),
        Chore("forget transcripts", 60.0, transcripts.forget, aside=True),
        Chore("expire inputs", 600.0, orphans.expire_inputs, due=time.monotonic() + 60, aside=True),
        Chore("expire outputs", 300.0, orphans.expire_outputs, due=time.monotonic() + 30, aside=True),
        Chore("collect orphans", HOUR, orphans.collect, due=time.monotonic() + 300, aside=True),
        Chore("prove", 24 * HOUR, prove_all, due=time.monotonic() + HOUR, aside=True),
    ]


class Command(BaseCommand):
    help = "Reap leases, wake forgotten work, send callbacks, seal the ledger, clean up, until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        dispatcher = Dispatcher(notices.render).start(stop)
        todo = chores()
        while not stop.is_set():
            for chore in todo:
                if time.monotonic() >= chore.due and not stop.is_set():
                    chore.turn()
            stop.wait(0.2)
        dispatcher.join(STOP_SECONDS + 1)
