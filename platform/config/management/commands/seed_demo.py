"""`manage.py seed_demo`: the organization `demo` with people, keys and credit, for a laptop."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.access import OperatorRole
from accounts.actions import keys, members, operators, organizations, users
from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.errors import Conflict, NotFound
from accounts.models import ApiKey, Organization, Role, User
from billing import actions as billing
from generations.models import Generation
from runtime import ids
from runtime.tenancy import tenant

CREDIT = 25_000_000_000
PAST = 1_500
"""Generations in the thirty days before today."""
PEOPLE = {"owner": Role.OWNER, "developer": Role.DEVELOPER, "viewer": Role.VIEWER}
BY = Actor.command("seed_demo")


class Command(BaseCommand):
    help = "Make the organization demo: people, keys, credit, a past. Secrets go to $EASEL_DATA/demo.json."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EASEL.production:
            raise CommandError("The demo is not for production.")
        path = settings.EASEL.data / "demo.json"
        known = _read(path)
        owner, login = _person("owner", known)
        organization = _organization(owner)
        secrets = {
            "organization": organization.slug,
            "owner": login,
            "operator": _operator(known),
            **{role: _member(organization, role, known) for role in ("developer", "viewer")},
            "live_key": _key(organization, "live", known),
            "test_key": _key(organization, "test", known),
        }
        self._past(organization)
        billing.grant(organization=organization, amount=CREDIT, reason="Demo credit", reference="demo", by=BY)
        _write(path, secrets)
        self.stdout.write(f"The demo is ready; its secrets are in {path}.")

    def _past(self, organization: Organization) -> None:
        """Thirty days of it, once, where the administrator's URL is at hand."""
        with tenant(organization):
            known = Generation.objects.of(organization).exists()
        if settings.EASEL.database_admin_url and not known:
            call_command("seed_history", org=organization.slug, generations=PAST, stdout=self.stdout)


def _read(path: Path) -> dict[str, Any]:
    """What an earlier run kept, if it is still whole."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _write(path: Path, secrets: dict[str, Any]) -> None:
    """Readable by its owner only, and never half written."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(secrets, file, indent=2)
    part.rename(path)


def _person(name: str, known: dict[str, Any]) -> tuple[User, dict[str, str]]:
    """A user `<name>@demo.localhost` with a password we know."""
    email = f"{name}@demo.localhost"
    user, password = users.ensure(email=email)
    if password is None:
        password = known.get(name, {}).get("password")
    if password is None or not user.check_password(password):
        password = ids.word(20)
        users.set_password(user=user, password=password)
    return user, {"email": email, "password": password}


def _organization(owner: User) -> Organization:
    try:
        return organization_by_slug("demo")
    except NotFound:
        return organizations.create(name="Demo", slug="demo", owner=owner, by=BY)


def _member(organization: Organization, role: str, known: dict[str, Any]) -> dict[str, str]:
    user, login = _person(role, known)
    try:
        members.add(organization=organization, user=user, role=PEOPLE[role], by=BY)
    except Conflict:
        return login  # a member already
    return login


def _operator(known: dict[str, Any]) -> dict[str, str]:
    email, password = "operator@demo.localhost", known.get("operator", {}).get("password") or ids.word(20)
    try:
        operators.create(email=email, role=OperatorRole.SUPERUSER, by=BY, password=password)
    except Conflict:
        user = User.objects.get(email=email)
        operators.assign(user=user, role=OperatorRole.SUPERUSER, by=BY)
        if not user.check_password(password):
            users.set_password(user=user, password=password)
    return {"email": email, "password": password}


def _key(organization: Organization, mode: str, known: dict[str, Any]) -> str:
    """The key of an earlier run if it still works, else a new one."""
    plain = known.get(f"{mode}_key", "")
    with tenant(organization):
        mine = ApiKey.objects.of(organization).filter(mode=mode, revoked_at=None)
        if any(plain.startswith(key.prefix) for key in mine):
            return str(plain)
    _, plain = keys.create(organization=organization, mode=mode, name=f"Demo {mode}", by=BY)
    return plain
