"""`manage.py setup_database`: make the database roles, before `migrate`."""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import roles


class Command(BaseCommand):
    help = "Create or mend the database roles (needs DATABASE_ADMIN_URL; the embedded server has its own)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        admin_url, login_url = settings.EASEL.database_admin_url, settings.EASEL.database_url
        if not admin_url:
            raise CommandError("Set DATABASE_ADMIN_URL to an administrator of the database.")
        try:
            roles.set_up(admin_url, login_url)
        except psycopg.Error as error:
            raise CommandError(f"The roles could not be made: {error}".strip()) from error
        self.stdout.write(f"Roles are in place: {roles.LOGIN} and {roles.OWNER}.")
