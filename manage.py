#!/usr/bin/env python3
"""Every command of Easel. Finds the virtual environment and the database by itself.

Without DATABASE_URL it starts or joins the embedded PostgreSQL and holds it for as long as the
command runs. Commands that change the schema connect as the owner of the tables.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# These look at the code only; `help` and what makes no sense must answer without a server, too.
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "help",
    "makemigrations",
    "startapp",
    "version",
    "--help",
    "--version",
}
AS_OWNER = {"migrate", "setup_database", "sqlmigrate", "showmigrations", "lintmigrations", "prepare"}


def enter_virtual_environment() -> None:
    """Become `.venv`'s Python, unless we are it or Django is here already."""
    python = ROOT / ".venv" / "bin" / "python"
    if Path(sys.prefix).resolve() == (ROOT / ".venv").resolve():
        return
    if python.exists():
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - our own interpreter
    try:
        import django  # noqa: F401 - only to see whether it is here
    except ImportError:
        sys.exit("Nothing is set up here yet: run script/setup first.")


def find_database(stack: ExitStack) -> None:
    """Point DATABASE_URL and DATABASE_ADMIN_URL at the embedded server, started or joined."""
    from config.environment import data_directory
    from runtime import embedded

    try:
        server = stack.enter_context(embedded.session(data_directory(os.environ) / "postgres"))
    except embedded.EmbeddedProblem as problem:
        sys.exit(str(problem))
    os.environ["DATABASE_URL"], os.environ["DATABASE_ADMIN_URL"] = server.url, server.admin_url


def preload() -> None:
    """Import the work of a cluster before it forks its workers."""
    import django

    django.setup()
    from generations import tasks

    tasks.preload()


def main() -> None:
    enter_virtual_environment()
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    with ExitStack() as stack:
        embeddable = not os.environ.get("DATABASE_URL") and os.environ.get("EASEL_ENV") != "production"
        if embeddable and command not in WITHOUT_DATABASE and "--help" not in sys.argv:
            find_database(stack)
        if command in AS_OWNER and "--help" not in sys.argv:
            os.environ["EASEL_AS_OWNER"] = "1"
        if command == "qcluster":
            from runtime import process

            process.bind_forks()
            preload()

        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
