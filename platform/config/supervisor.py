"""Keeps web, clusters and janitor running on one machine, and ends them together.

Each program leads a process group of its own, which is always killed whole: a django-q2 cluster
leaves orphans that go on pulling work when its head dies. A program that ends is started again,
whatever its exit code (a cluster whose sentinel was killed ends with 0). A cluster can hang for good
when an idle worker that held the queue's lock is killed, while every process looks alive; so its
beats are watched, and a group whose newest beat is too old is killed and started again.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from runtime import process

TICK_SECONDS = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart; doubled each time
STARTING = 2  # times the patience of a running cluster, until its first sign
STEADY_SECONDS = 60.0  # a program that ran this long starts with the first pause again
LOG_BYTES = 10_000_000


class Pulse(Protocol):
    """How a cluster is felt. Each call may raise anything while the database is away."""

    def send(self, cluster: str) -> None:
        """Put a canary into the cluster's own queue."""
        ...

    def age(self, cluster: str) -> float | None:
        """Seconds since its newest beat of either kind; None if it never beat."""
        ...

    def drain(self, cluster: str) -> None:
        """Tell its loops to take no more."""
        ...

    def welcome(self, cluster: str) -> None:
        """Forget earlier beats and the order to drain: it starts anew."""
        ...


@dataclass(frozen=True)
class Program:
    """What to run: the name it is spoken of by, command, whole environment, and the cluster whose
    beats tell whether it lives (empty: its process alone tells)."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    cluster: str = ""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds: between two canaries, for a beat, for a program to end."""

    beat: float = 5
    silence: float = 45
    stop: float = 130


@dataclass
class _Watch:
    """What is known of the clusters' beats. While beats cannot be read nobody is called silent."""

    ages: dict[str, float | None] = field(default_factory=dict)
    since: float = float("inf")  # when reading began to work, monotonic

    def lost(self) -> None:
        self.ages, self.since = {}, float("inf")

    def saw(self, ages: dict[str, float | None]) -> None:
        self.ages, self.since = ages, min(self.since, time.monotonic())

    def heard(self, cluster: str, started: float) -> bool:
        """Whether a group started at `started` ever gave a sign."""
        age = self.ages.get(cluster)
        return age is not None and age < time.monotonic() - started

    def quiet(self, cluster: str, started: float) -> float:
        """Seconds of silence that can be held against a group started at `started`."""
        if cluster not in self.ages:
            return 0
        age, now = self.ages[cluster], time.monotonic()
        return min(float("inf") if age is None else age, now - started, now - self.since)


@dataclass
class _Child:
    """A program with the process that runs it now, or the moment it may be started again."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    pause: float = FIRST_PAUSE
    due: float = 0

    def start(self, output: IO[bytes] | None) -> None:
        self.process = process.launch(self.program.command, self.program.environ, output)
        self.started = time.monotonic()

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def kill(self) -> None:
        """End the whole group at once and plan the next start."""
        if self.process:
            process.kill_group(self.process.pid)
            self.process.wait()
        self.process = None
        steady = time.monotonic() - self.started > STEADY_SECONDS
        self.pause = FIRST_PAUSE if steady else min(self.pause * 2, LONGEST_PAUSE)
        self.due = time.monotonic() + self.pause


class Supervisor:
    """Runs programs until told to stop. Call everything but `request_stop` from the main thread: the
    children's lives are bound to it.

    `say` takes one line for people; with `logs` each program's output goes to a file there, else to
    our own standard error.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        say: Callable[[str], None],
        pulse: Pulse | None = None,
        patience: Patience | None = None,
        logs: Path | None = None,
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._say, self._pulse, self._logs = say, pulse, logs
        self._patience = patience or Patience()
        self._watch = _Watch()
        self._stopping, self._hurry = threading.Event(), threading.Event()

    def request_stop(self, *_: object) -> None:
        """End soon; the second time, at once. Fit for a signal handler."""
        (self._hurry if self._stopping.is_set() else self._stopping).set()

    def catch_signals(self) -> None:
        """Stop on Ctrl-C and SIGTERM."""
        signal.signal(signal.SIGINT, self.request_stop)
        signal.signal(signal.SIGTERM, self.request_stop)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    # ---- running

    def start(self) -> None:
        """Start every program, and the watch over the clusters."""
        for child in self._children:
            self._start(child)
        if self._pulse:
            threading.Thread(target=self._feel, args=(self._pulse,), name="pulse", daemon=True).start()

    def run(self) -> None:
        """Keep them running until a stop is requested."""
        while not self._stopping.wait(TICK_SECONDS):
            self.tick()

    def tick(self) -> None:
        """One look at everybody."""
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.due:
                    self._start(child)
            elif (code := child.ended()) is not None:
                child.kill()  # what is left of its group
                self._say(f"{child.program.name} ended with {code}: starting it again.")
            elif self._silent(child):
                self._say(f"{child.program.name} gives no sign of life: killing it and starting it again.")
                child.kill()

    def _start(self, child: _Child) -> None:
        self._welcome(child.program.cluster)
        output = self._log_of(child.program) if self._logs else None
        try:
            child.start(output)
        finally:
            if output:
                output.close()

    def _log_of(self, program: Program) -> IO[bytes]:
        assert self._logs
        file = self._logs / f"{program.name}.log"
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
        return file.open("ab")

    # ---- beats

    def _silent(self, child: _Child) -> bool:
        cluster, patience = child.program.cluster, self._patience.silence
        if not self._watch.heard(cluster, child.started):
            patience *= STARTING  # or a machine that starts slowly would be killed again and again
        return bool(cluster) and self._watch.quiet(cluster, child.started) > patience

    def _feel(self, pulse: Pulse) -> None:
        """In a thread, since a database that is away keeps us waiting."""
        clusters = [child.program.cluster for child in self._children if child.program.cluster]
        while not self._stopping.is_set():
            try:
                for cluster in clusters:
                    pulse.send(cluster)
                self._watch.saw({cluster: pulse.age(cluster) for cluster in clusters})
            except Exception:  # whatever is wrong with the database, nobody may be blamed for it
                self._watch.lost()
            self._stopping.wait(self._patience.beat)

    def _welcome(self, cluster: str) -> None:
        """What its earlier life left would be taken for drains that still claim."""
        if self._pulse and cluster:
            try:
                self._pulse.welcome(cluster)
            except Exception:  # a database that is away must not keep a cluster from starting
                self._watch.lost()

    # ---- stopping

    def stop(self) -> None:
        """End all programs: asked first, killed with their groups when the time is over."""
        self._stopping.set()
        running = [child for child in self._children if child.process]
        for child in running:
            assert child.process
            self._drain(child.program.cluster)
            child.process.terminate()  # the leader alone: a signal to a cluster's workers hangs it
        end = time.monotonic() + self._patience.stop
        while any(child.ended() is None for child in running) and time.monotonic() < end:
            if self._hurry.wait(TICK_SECONDS / 5):
                break
        for child in running:
            child.kill()

    def _drain(self, cluster: str) -> None:
        if self._pulse and cluster:
            try:
                self._pulse.drain(cluster)
            except Exception:  # without a database there is nothing to drain
                self._say(f"{cluster} could not be told to drain: its work goes back when the leases end.")
