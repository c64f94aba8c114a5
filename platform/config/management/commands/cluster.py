"""`manage.py cluster`: one cluster of workers with its watch, in the foreground, for systemd."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import programs
from config.beats import DatabasePulse
from config.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run one cluster of workers and watch its beats; EASEL_CLUSTER or --name is its queue."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=settings.EASEL.cluster, help="the cluster's own name")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(
            [programs.cluster(options["name"])],
            say=self.stdout.write,
            pulse=DatabasePulse(),
            patience=programs.patience(settings.EASEL),
        )
        supervisor.catch_signals()
        supervisor.start()
        supervisor.run()
        supervisor.stop()
