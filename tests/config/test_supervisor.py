"""The supervisor over tiny programs: restarts, whole groups, silence, and its own sudden death."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.supervisor import Patience, Program, Supervisor

ROOT = Path(__file__).parents[2]
SOON = 15  # seconds; generous, since the machine is shared

# Each start appends its pid; the child of the program stands for a cluster's workers.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "a").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(600)
"""
# A cluster in small: forks a sentinel, which forks a worker, and all of them sleep.
FORKS = """
import os, sys, time
from runtime import process
process.bind_forks()
def note():
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
note()
if os.fork() == 0:
    note()
    if os.fork() == 0:
        note()
time.sleep(600)
"""
ENDS = "import sys; open(sys.argv[1], 'a').write('started\\n')"
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
time.sleep(600)
"""
POLITE = """
import signal, sys, time
def leave(*_):
    open(sys.argv[1], "a").write("left\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
open(sys.argv[1], "a").write("ready\\n")
time.sleep(600)
"""


class Beats:
    """A pulse whose beats the test dictates; `away` stands for a database that does not answer."""

    def __init__(self, age: float | None = 0) -> None:
        self.now, self.away = age, False
        self.sent = list[str]()
        self.drained = list[str]()

    def send(self, cluster: str) -> None:
        if self.away:
            raise ConnectionError
        self.sent.append(cluster)

    def age(self, cluster: str) -> float | None:
        return self.now

    def drain(self, cluster: str) -> None:
        self.drained.append(cluster)

    def welcome(self, cluster: str) -> None:
        """Nothing to forget."""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes"
    file.touch()
    return file


def program(code: str, notes: Path, cluster: str = "") -> Program:
    environ = {"PYTHONPATH": str(ROOT / "platform"), "PATH": os.environ["PATH"]}
    return Program("tiny", [sys.executable, "-c", textwrap.dedent(code), str(notes)], environ, cluster)


@pytest.fixture
def supervise(notes: Path) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(code: str, *, pulse: Beats | None = None, stop: float = 5, silence: float = 1) -> Supervisor:
        patience = Patience(beat=0.1, silence=silence, stop=stop)
        supervisor = Supervisor(
            [program(code, notes, "easel-1" if pulse else "")],
            say=lambda _: None,
            pulse=pulse,
            patience=patience,
            logs=notes.parent,
        )
        made.append(supervisor)
        supervisor.start()
        return supervisor

    yield make
    for supervisor in made:
        supervisor.request_stop()
        supervisor.request_stop()  # in a hurry
        supervisor.stop()


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines()


def until(truth: Callable[[], bool], tick: Callable[[], None] = lambda: None) -> bool:
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        tick()
        if truth():
            return True
        time.sleep(0.05)
    return False


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_program_that_ends_with_success_is_started_again(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    supervisor = supervise(ENDS)
    assert until(lambda: len(lines(notes)) >= 3, supervisor.tick)


def test_when_a_leader_is_killed_the_rest_of_its_group_goes_before_the_next_start(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    supervisor = supervise(FAMILY)
    assert until(lambda: len(lines(notes)) == 1)
    leader, worker = map(int, lines(notes)[0].split())
    os.kill(leader, signal.SIGKILL)
    assert until(lambda: len(lines(notes)) == 2, supervisor.tick)
    assert gone(worker)


def test_a_cluster_without_a_beat_is_killed_whole_and_started_again(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    beats = Beats(age=999)
    supervisor = supervise(FAMILY, pulse=beats)
    assert until(lambda: len(lines(notes)) == 1)
    assert until(lambda: len(lines(notes)) == 2, supervisor.tick)
    assert all(gone(int(pid)) for pid in lines(notes)[0].split())
    assert beats.sent, "canaries were sent into its queue"


def test_a_cluster_that_never_beat_counts_as_silent_too(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    supervisor = supervise(FAMILY, pulse=Beats(age=None))
    assert until(lambda: len(lines(notes)) == 2, supervisor.tick)


def test_a_cluster_that_starts_slowly_gets_the_time_it_needs(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    """Else a busy machine would start it for ever."""
    beats = Beats(age=None)
    supervisor = supervise(FAMILY, pulse=beats, silence=2)
    late = time.monotonic() + 3
    until(lambda: time.monotonic() > late, supervisor.tick)
    beats.now = 0.1
    assert until(lambda: len(beats.sent) > 50, supervisor.tick)
    assert len(lines(notes)) == 1


def test_a_cluster_that_beats_is_left_alone(supervise: Callable[..., Supervisor], notes: Path) -> None:
    beats = Beats(age=0.5)
    supervisor = supervise(FAMILY, pulse=beats)
    assert until(lambda: len(beats.sent) > 20, supervisor.tick), "watched for two times the silence"
    assert len(lines(notes)) == 1


def test_nobody_is_killed_while_beats_cannot_be_read(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    beats = Beats(age=999)
    beats.away = True
    supervisor = supervise(FAMILY, pulse=beats)
    end = time.monotonic() + 2.5
    until(lambda: time.monotonic() > end, supervisor.tick)
    assert len(lines(notes)) == 1


def test_after_an_outage_of_the_database_a_cluster_gets_its_full_time_to_beat(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    beats = Beats(age=999)
    beats.away = True
    supervisor = supervise(FAMILY, pulse=beats, silence=2)
    outage = time.monotonic() + 2.5
    until(lambda: time.monotonic() > outage, supervisor.tick)
    beats.away = False
    assert until(lambda: bool(beats.sent), supervisor.tick)
    supervisor.tick()
    assert len(lines(notes)) == 1, "the old age of its beat is not held against it at once"


def test_stopping_asks_politely_and_tells_the_cluster_to_drain(
    supervise: Callable[..., Supervisor], notes: Path
) -> None:
    beats = Beats()
    supervisor = supervise(POLITE, pulse=beats)
    assert until(lambda: lines(notes) == ["ready"])
    supervisor.stop()
    assert lines(notes) == ["ready", "left"]
    assert beats.drained == ["easel-1"]


def test_who_does_not_leave_in_time_is_killed(supervise: Callable[..., Supervisor], notes: Path) -> None:
    supervisor = supervise(STUBBORN, stop=0.5)
    assert until(lambda: len(lines(notes)) == 1)
    supervisor.stop()
    assert gone(int(lines(notes)[0]))


def test_a_second_request_to_stop_does_not_wait(supervise: Callable[..., Supervisor], notes: Path) -> None:
    supervisor = supervise(STUBBORN, stop=600)
    assert until(lambda: len(lines(notes)) == 1)
    supervisor.request_stop()
    supervisor.request_stop()
    supervisor.stop()
    assert gone(int(lines(notes)[0]))


def run_alone(code: str, notes: Path) -> subprocess.Popen[bytes]:
    """A supervisor in a process of its own."""
    script = textwrap.dedent(f"""
        import sys
        from config.supervisor import Program, Supervisor
        command = [sys.executable, "-c", {textwrap.dedent(code)!r}, {str(notes)!r}]
        environ = {{"PYTHONPATH": {str(ROOT / "platform")!r}}}
        supervisor = Supervisor([Program("tiny", command, environ)], say=lambda _: None)
        supervisor.catch_signals()
        supervisor.start()
        supervisor.run()
        supervisor.stop()
    """)
    return subprocess.Popen([sys.executable, "-c", script], env={"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"})


@pytest.mark.fault
def test_killing_the_supervisor_leaves_no_orphan_however_deep(notes: Path) -> None:
    supervisor = run_alone(FORKS, notes)
    assert until(lambda: len(lines(notes)) == 3)
    supervisor.kill()
    supervisor.wait()
    family = [int(pid) for pid in lines(notes)]
    assert until(lambda: all(map(gone, family)))


@pytest.mark.fault
def test_killing_the_middle_of_a_cluster_takes_what_is_below_it_along(notes: Path) -> None:
    supervisor = run_alone(FORKS, notes)
    assert until(lambda: len(lines(notes)) == 3)
    _, sentinel, worker = map(int, lines(notes))
    os.kill(sentinel, signal.SIGKILL)
    assert until(lambda: gone(worker))
    supervisor.terminate()
    assert supervisor.wait(SOON) == 0


def test_ctrl_c_ends_everything_it_started(notes: Path) -> None:
    supervisor = run_alone(POLITE, notes)
    assert until(lambda: lines(notes) == ["ready"])
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(SOON) == 0
    assert lines(notes) == ["ready", "left"]
