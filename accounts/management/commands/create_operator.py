"""`manage.py create_operator EMAIL --role R`: a login for somebody who runs the platform."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.access import OperatorRole
from accounts.actions import operators
from accounts.auditing import Actor
from accounts.errors import AccountsProblem


class Command(BaseCommand):
    help = "Make an operator's login. Prints a one-time password unless one is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=[str(role) for role in OperatorRole])
        parser.add_argument(
            "--password-stdin", action="store_true", help="take the password from the first line of stdin"
        )

    def handle(self, *args: Any, email: str, role: str, password_stdin: bool, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
        if password_stdin and not password:
            raise CommandError("No password came on stdin.")
        try:
            user, one_time = operators.create(
                email=email, role=role, password=password, by=Actor.command("create_operator")
            )
        except AccountsProblem as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write(f"Made {user.email} an operator ({role}). The admin is at /admin/.")
        if one_time:
            self.stdout.write(f"One-time password: {one_time}")
