"""The audit trail covers what commands do, too (M11), and nobody can rewrite it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection

from accounts.actions import organizations
from accounts.models import AuditEvent
from runtime import ids
from runtime.tenancy import operator, tenant
from tests.cast import BY, Cast, make_user

pytestmark = pytest.mark.usefixtures("quiet_database")


def newest(actor: str) -> set[str]:
    """The actions that this command noted."""
    with operator():
        rows = AuditEvent.objects.across().filter(actor_type="command", actor_label=f"manage.py {actor}")
        return set(rows.values_list("action", flat=True))


def test_every_command_that_changes_something_is_noted(team: Cast) -> None:
    slug, mail = f"made-{ids.word(8, ids.BASE36)}", f"{ids.word(8, ids.BASE36)}@example.com"
    ours = team.organization.slug
    call_command("create_organization", slug, owner=make_user("owner").email)
    call_command("create_key", org=ours, mode="live")
    call_command("grant", org=ours, usd="1", reason="a reason")
    call_command("create_operator", mail, role="support")
    call_command("seed_catalogue", reset=True)
    assert newest("create_organization") >= {"organization.create"}
    assert newest("create_key") == {"key.create"}
    assert newest("grant") == {"credit.grant"}
    assert newest("create_operator") == {"operator.create"}
    assert "catalogue.seed" in newest("seed_catalogue")


@pytest.mark.parametrize(
    "verb", ["UPDATE accounts_auditevent SET reason = 'x'", "DELETE FROM accounts_auditevent"]
)
def test_nobody_rewrites_it(verb: str, team: Cast) -> None:
    for scope in (operator(), tenant(team.organization)):
        with pytest.raises(ProgrammingError, match="permission denied"), scope, connection.cursor() as cursor:
            cursor.execute(verb)


def test_what_an_operator_did_is_in_the_teams_own_trail(team: Cast) -> None:
    organizations.suspend(organization=team.organization, reason="unpaid", by=BY)
    with tenant(team.organization):
        (event,) = AuditEvent.objects.of(team.organization).filter(action="organization.suspend")
    assert (event.reason, event.before, event.after) == (
        "unpaid", {"state": "active"}, {"state": "suspended"},
    )  # fmt: skip
