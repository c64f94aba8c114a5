"""`manage.py seed_history --org SLUG --generations N`: weeks of believable work, for demonstrations and
benchmarks. The ledger's rules hold for it as for everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import keys, organizations, users
from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.errors import NotFound
from accounts.models import Membership, Organization, Role
from billing import hours
from config import past
from config.past.story import Caller, Cell, Story
from generations import catalogue, pulse
from generations.models import Generation
from runtime.clock import utc_now
from runtime.tenancy import tenant

BY = Actor.command("seed_history")
KEYS = (("Website", "live", "openai"), ("Batch jobs", "live", "evolink"), ("Notebook", "live", "gemini"),
        ("CI", "test", "openai"))  # fmt: skip
MODELS = {"gemini-2.5-flash-image": 80, "gemini-3-pro-image": 12, "gemini-3.1-flash-image": 8}


class Command(BaseCommand):
    help = "Fill an organization that has no generations yet with a believable past."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", default="history", help="slug; it is made if it is not there")
        parser.add_argument("--generations", type=int, default=5_000)
        parser.add_argument("--days", type=int, default=30)
        parser.add_argument("--seed", type=int, default=1290, help="the same seed tells the same story")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EASEL.production:
            raise CommandError("A made-up history is not for production.")
        admin_url = settings.EASEL.database_admin_url
        if not admin_url:
            raise CommandError("Set DATABASE_ADMIN_URL: a history is written as the administrator.")
        if options["generations"] < 1 or options["days"] < 1:
            raise CommandError("--generations and --days begin at 1.")
        organization = _organization(options["org"])
        size = {name: options[name] for name in ("generations", "days", "seed")}
        count = fill(organization, admin_url=admin_url, told=self._tell, **size)
        self.stdout.write(
            f"{organization.slug} has a past of {count:,} generations in {options['days']} days."
        )

    def _tell(self, written: int) -> None:
        self.stdout.write(f"  {written:,}")


def fill(
    organization: Organization,
    *,
    admin_url: str,
    generations: int,
    days: int,
    seed: int,
    told: Callable[[int], None],
) -> int:
    """Write the story of an organization. Returns how many generations it has. Raises CommandError if
    there are some already."""
    with tenant(organization):
        if Generation.objects.of(organization).exists():
            raise CommandError(f"{organization.slug} has generations already; a past comes first.")
    now = utc_now()
    begin = now - timedelta(days=days)
    story = Story(_callers(organization), _cells(), count=generations, begin=begin, end=now, seed=seed)
    written = past.write(admin_url, organization.pk, story, now=now, told=told)
    pulse.roll_up(begin)
    hours.roll_up(begin)
    return written


def _organization(slug: str) -> Organization:
    try:
        return organization_by_slug(slug)
    except NotFound:
        owner, _ = users.ensure(email=f"owner@{slug}.localhost")
        return organizations.create(name=slug.replace("-", " ").title(), slug=slug, owner=owner, by=BY)


def _callers(organization: Organization) -> list[Caller]:
    """Keys of the story's own; their secrets are nobody's."""
    with tenant(organization):
        holders = Membership.objects.of(organization).filter(role__in=(Role.OWNER, Role.DEVELOPER))
        members = [membership.user_id for membership in holders]
    made = []
    for place, (name, mode, door) in enumerate(KEYS):
        key, _ = keys.create(organization=organization, mode=mode, name=name, by=BY, home_door=door)
        made.append(Caller(key.pk, mode, members[place % len(members)] if place == 2 else None))
    return made


def _cells() -> list[Cell]:
    offers = {offer.model: offer for offer in catalogue.offers("openai")}
    return [
        Cell(model, size, offers[model].unit_price, weight * (3 if size.ratio == "1:1" else 1))
        for model, weight in MODELS.items()
        for size in offers[model].sizes
        if size.resolution == "1K"
    ]
