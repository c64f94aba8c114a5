"""`manage.py create_organization SLUG --owner EMAIL`: an empty organization with no credit."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.actions import organizations, users
from accounts.auditing import Actor
from accounts.errors import AccountsProblem


class Command(BaseCommand):
    help = "Make an empty organization with no credit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its short name: lower-case letters, digits and hyphens")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="made if there is no such user")
        parser.add_argument("--name", default="", help="its name in the pages (default: the short name)")

    def handle(self, *args: Any, slug: str, owner: str, name: str, **options: Any) -> None:
        try:
            with transaction.atomic():
                user, password = users.ensure(email=owner)
                organizations.create(
                    name=name or slug, slug=slug, owner=user, by=Actor.command("create_organization")
                )
        except AccountsProblem as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write(f"Made the organization {slug}, owned by {user.email}.")
        if password:
            self.stdout.write(f"One-time password of {user.email}: {password}")
