"""Processes that do not outlive who started them.

Linux tells a process when the thread that made it dies. `launch` asks for that in a child before
it becomes its program, `bind_forks` in every fork of this process (the cluster forks a sentinel,
which forks workers), so that one SIGKILL at the top takes the whole tree along. Elsewhere than on
Linux nothing is asked for.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_forked_by = 0


def die_with_parent(parent: int) -> None:
    """Ask to be killed when the parent dies; leave at once if it (pid `parent`) is dead already."""
    if sys.platform != "linux":
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def bind_forks() -> None:
    """From now on every fork of this process, and every fork of those, dies with its parent."""
    os.register_at_fork(before=_remember, after_in_child=lambda: die_with_parent(_forked_by))


def _remember() -> None:
    global _forked_by
    _forked_by = os.getpid()


def launch(
    command: Sequence[str], environ: Mapping[str, str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of a session and process group of its own, bound to this thread's
    life: call it from the main thread. Its output goes to `output`, else where ours goes."""
    return subprocess.Popen(  # noqa: S603 - the caller's own programs
        [sys.executable, "-S", "-E", "-P", str(Path(__file__)), str(os.getpid()), *command],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # Ctrl-C at the terminal is for the supervisor alone
    )


def kill_group(leader: int) -> None:
    """SIGKILL the process group of `leader`; nothing happens if it is gone."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - what `launch` was given
