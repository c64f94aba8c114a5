"""`manage.py grant --org SLUG --usd N --reason R`: credit, through the ledger."""

from __future__ import annotations

from decimal import InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.errors import AccountsProblem
from billing import actions, ledger
from billing.money import dollars, nano_of, plain
from runtime.tenancy import tenant


class Command(BaseCommand):
    help = "Give an organization credit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", required=True, metavar="SLUG", help="the organization's short name")
        parser.add_argument("--usd", required=True, metavar="N", help="dollars, at most nine decimals")
        parser.add_argument("--reason", required=True, help="what it is for; the team sees it")
        parser.add_argument(
            "--reference", default="", help="say the same reference twice, and it is done once"
        )

    def handle(self, *args: Any, org: str, usd: str, reason: str, reference: str, **options: Any) -> None:
        try:
            organization = organization_by_slug(org)
            made = actions.grant(
                organization=organization,
                amount=nano_of(usd),
                reason=reason,
                reference=reference,
                by=Actor.command("grant"),
            )
        except AccountsProblem as problem:
            raise CommandError(problem.message) from problem
        except (ValueError, InvalidOperation) as error:
            raise CommandError(
                f"--usd {usd}: give dollars with at most nine decimals, such as 25 or 0.50."
            ) from error
        with tenant(organization):
            balance = ledger.balance(organization.pk, "live")
        done = "Granted" if made else "Granted before, nothing changed:"
        self.stdout.write(f"{done} ${usd}. The balance of {org} is ${plain(dollars(balance.available))}.")
