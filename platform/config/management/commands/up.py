"""`manage.py up`: everything on one machine, supervised, until Ctrl-C."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import machine, programs, schema
from config.album import AlbumProblem
from config.beats import DatabasePulse
from config.demo import Demo
from config.environment import Environment
from config.first_image import Client, FirstImageProblem, wait_for_web
from config.supervisor import Program, Supervisor
from generations import channels
from runtime.embedded import EmbeddedProblem

WEB_SECONDS = 60
PROBLEMS = (
    machine.MachineProblem,
    schema.SchemaProblem,
    FirstImageProblem,
    AlbumProblem,
    EmbeddedProblem,
    channels.OwnOrigin,
    channels.NoChannel,
)


class Command(BaseCommand):
    help = "Bring the database up to date and run web, clusters and janitor until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--clusters", type=int, default=1, help="how many clusters of workers to run")
        parser.add_argument("--demo", action="store_true", help="seed the demo and make a first image")
        parser.add_argument("--once", action="store_true", help="with --demo: stop after the first image")
        parser.add_argument("--logs", action="store_true", help="show the processes' logs here, not in files")

    def handle(self, *args: Any, **options: Any) -> None:
        ours: Environment = settings.EASEL
        if options["demo"] and ours.production:
            raise CommandError("The demo is not for production: unset EASEL_ENV, or leave --demo out.")
        try:
            machine.refuse_taken_port(ours.host, ours.port)
            with (
                machine.alone(ours.data),
                machine.watched_database(ours.data / "postgres", ours.database_url),
            ):
                self._prepare(ours)
                self._serve(ours, options)
        except PROBLEMS as problem:
            raise CommandError(str(problem)) from None

    def _prepare(self, ours: Environment) -> None:
        """Roles, tables, catalogue, channels: what a process must find when it starts."""
        if ours.database_admin_url:
            ran = schema.bring_up_to_date(ours.database_admin_url, ours.database_url)
            self._say(f"Database ready, {ran} migrations ran." if ran else "Database ready.")
        call_command("check", databases=["default"], stdout=io.StringIO())
        call_command("seed_catalogue", stdout=io.StringIO())
        channels.sync_environment()
        self._say("Catalogue loaded.")

    def _serve(self, ours: Environment, options: dict[str, Any]) -> None:
        supervisor = Supervisor(
            _programs(ours, options["clusters"]),
            say=self._say,
            pulse=DatabasePulse(),
            patience=programs.patience(ours),
            logs=None if options["logs"] else machine.log_folder(ours.data),
        )
        supervisor.catch_signals()
        supervisor.start()
        try:
            self._welcome(ours, supervisor, options)
            if not options["once"]:
                self._say("Ctrl-C stops everything.")
                supervisor.run()
        finally:
            self._say("Stopping. Ctrl-C once more to stop at once.")
            supervisor.stop()

    def _welcome(self, ours: Environment, supervisor: Supervisor, options: dict[str, Any]) -> None:
        if options["demo"]:
            call_command("seed_demo", stdout=io.StringIO())  # while the others start
            self._say("Demo organization ready.")
        host = "127.0.0.1" if ours.host in ("0.0.0.0", "::") else ours.host  # noqa: S104 - compared, not bound
        client = Client(host, ours.port, ours.url)
        wait_for_web(client, WEB_SECONDS, lambda: supervisor.stopping)
        self._say(f"Web, workers and janitor run at {ours.url} (logs in {ours.data / 'logs'}).")
        if options["demo"] and not supervisor.stopping:
            demo = Demo(ours, client, self.stdout)
            demo.show()
            if not options["once"]:
                demo.fill_album(lambda: supervisor.stopping)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _programs(ours: Environment, clusters: int) -> list[Program]:
    """Clusters after the first are named `easel-1-2`, `easel-1-3` and so on."""
    names = [ours.cluster, *(f"{ours.cluster}-{number}" for number in range(2, clusters + 1))]
    return [programs.web(ours), *map(programs.cluster, names), programs.janitor()]
