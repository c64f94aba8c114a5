"""`manage.py create_key --org SLUG --mode live|test`: prints one key, alone on the last line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import keys
from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.errors import AccountsProblem
from accounts.models import Door, Mode


class Command(BaseCommand):
    help = "Make an API key and print it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", required=True, metavar="SLUG", help="the organization's short name")
        parser.add_argument("--mode", required=True, choices=Mode.values, help="live spends real credit")
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument("--door", default=Door.OPENAI, choices=Door.values, help="its home door")

    def handle(self, *args: Any, org: str, mode: str, name: str, door: str, **options: Any) -> None:
        try:
            key, plain = keys.create(
                organization=organization_by_slug(org),
                mode=mode,
                name=name,
                home_door=door,
                by=Actor.command("create_key"),
            )
        except AccountsProblem as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write(f"Made the {mode} key {key.name} for {org}. It is shown only now:")
        self.stdout.write(plain)
