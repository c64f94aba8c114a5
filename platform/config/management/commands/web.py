"""`manage.py web`: one web process in the foreground, for systemd."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import programs


class Command(BaseCommand):
    help = "Serve HTTP on HOST and PORT in the foreground (the process becomes uvicorn)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        program = programs.web(settings.EASEL)
        os.execve(program.command[0], list(program.command), dict(program.environ))  # noqa: S606 - our own
