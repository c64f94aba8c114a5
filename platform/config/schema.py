"""Bringing the database up to date: roles, then migrations, the latter only when some are pending."""

from __future__ import annotations

import subprocess
import sys

import psycopg
from django.db.migrations.loader import MigrationLoader

from config import roles
from config.environment import CLONE


class SchemaProblem(Exception):
    """The schema cannot be brought up to date; the message says what to do."""


def pending(admin_url: str) -> int:
    """How many migrations of this code the database has not seen."""
    known = set(MigrationLoader(None).disk_migrations)
    try:
        with psycopg.connect(admin_url) as connection:
            applied = connection.execute("SELECT app, name FROM django_migrations").fetchall()
    except psycopg.errors.UndefinedTable:
        applied = []
    return len(known - set(applied))


def bring_up_to_date(admin_url: str, login_url: str) -> int:
    """Make the roles and migrate; returns how many migrations ran. Raises SchemaProblem."""
    try:
        roles.set_up(admin_url, login_url)
        missing = pending(admin_url)
    except psycopg.Error as error:
        raise SchemaProblem(f"The database cannot be set up: {error}".strip()) from error
    if missing:
        # A process of its own, since migrations run as the owner of the tables and we do not.
        command = [sys.executable, str(CLONE / "manage.py"), "migrate", "--no-input", "--verbosity", "0"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own
        if done.returncode:
            raise SchemaProblem(f"The migrations failed:\n{done.stderr.strip()}")
    return missing
