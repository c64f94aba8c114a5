"""The audit log (T7, A14): filtered, before and after side by side, as a file, and read only."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import pytest
from django.db import connection

from accounts import auditing
from accounts.actions import members, organizations
from accounts.auditing import Actor, ActorType
from accounts.models import AuditEvent, Organization, Role
from runtime.clock import utc_now
from runtime.tenancy import operator, tenant
from tests.accounts.people import BY, browser, of, person, said

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def note(organization: Organization, action: str, label: str = "thing", **what: Any) -> None:
    by = what.pop("by", BY)
    with tenant(organization):
        auditing.record(
            by=by,
            action=action,
            object_type="key",
            object_label=label,
            organization_id=organization.pk,
            **what,
        )


def rows_of(answer: Any) -> list[dict[str, str]]:
    """The file, as a spreadsheet reads it."""

    async def collect() -> bytes:
        return b"".join([chunk async for chunk in answer.streaming_content])

    return list(csv.DictReader(io.StringIO(asyncio.run(collect()).decode())))


def test_before_and_after_stand_side_by_side(organization: Organization, cast: Any) -> None:
    members.change_role(organization=organization, user=cast.developer, role=Role.VIEWER, by=BY)
    page = said(browser(cast.owner).get(of("audit", organization), {"action": "member.change_role"}))
    row = page[page.index("member.change_role</a>") :]
    before, after = row.index("<dd>developer</dd>"), row.index("<dd>viewer</dd>")
    assert before < after
    assert cast.developer.email in row


def test_it_is_filtered_by_who_what_about_what_and_when(organization: Organization, cast: Any) -> None:
    program = Actor(ActorType.KEY, "k1", "CI key", ip="203.0.113.5")
    note(organization, "key.create", "Website")
    note(organization, "key.revoke", "Laptop", by=program)
    client, address, today = browser(cast.owner), of("audit", organization), utc_now().date().isoformat()

    def shown(**filters: str) -> set[str]:
        page = said(client.get(address, filters))
        return {name for name in ("Website", "Laptop") if f">{name}<span" in page}

    assert shown() == {"Website", "Laptop"}
    assert shown(action="key") == {"Website", "Laptop"}
    assert shown(action="key.revoke") == {"Laptop"}
    assert shown(action="ke") == set()
    assert shown(actor="key:k1") == {"Laptop"}
    assert shown(about="webs") == {"Website"}
    assert shown(since=today, until=today) == {"Website", "Laptop"}
    assert shown(until="2001-01-01") == set()
    assert shown(actor="key:somebody else") == set()


def test_a_filter_that_makes_no_sense_says_so_and_stays(organization: Organization, cast: Any) -> None:
    page = said(
        browser(cast.owner).get(of("audit", organization), {"since": "2026-11-20", "until": "2026-11-19"})
    )
    assert "It ends before it begins" in page
    assert 'value="2026-11-20"' in page
    assert browser(cast.owner).get(of("audit", organization), {"before": "x"}).status_code == 404


def test_a_long_log_goes_on_and_back_under_its_filters(organization: Organization, cast: Any) -> None:
    for number in range(52):
        note(organization, "key.edit", f"key-{number:02}")
    client, address = browser(cast.owner), of("audit", organization)
    first = client.get(address, {"action": "key.edit"})
    assert "key-51" in said(first)
    assert "key-01" not in said(first)
    older = client.get(address + first.context["older"])
    assert "key-01" in said(older)
    assert "key-51" not in said(older)
    assert "key-51" in said(client.get(address + older.context["newer"]))
    assert not older.context["older"]


def test_another_teams_events_are_never_there(organization: Organization, cast: Any) -> None:
    note(cast.strangers, "key.create", "their secret plan")
    with operator():
        foreign = AuditEvent.objects.across().filter(object_label="their secret plan").latest("id").pk
    client = browser(cast.owner)
    assert "their secret plan" not in said(
        client.get(of("audit", organization), {"before": str(foreign + 1)})
    )
    assert client.get(of("audit", cast.strangers)).status_code == 404
    assert client.get(of("audit_csv", cast.strangers)).status_code == 404


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_only_heads_read_it(organization: Organization, role: str) -> None:
    client = browser(person(organization, role))
    assert client.get(of("audit", organization)).status_code == 403
    assert client.get(of("audit_csv", organization)).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_there_is_no_way_to_change_it(organization: Organization, cast: Any, method: str) -> None:
    for name in ("audit", "audit_csv"):
        assert getattr(browser(cast.owner), method)(of(name, organization)).status_code == 405


def test_not_even_a_program_changes_it(organization: Organization) -> None:
    from django.db import DatabaseError

    for statement in ("UPDATE accounts_auditevent SET action = 'x'", "DELETE FROM accounts_auditevent"):
        with pytest.raises(DatabaseError), tenant(organization), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_secret_is_blacked_out_whoever_wrote_it(organization: Organization, cast: Any) -> None:
    key = f"easel_live_{'a' * 48}"
    note(organization, "key.edit", after={"name": key, "password": "hunter2"}, reason=f"found {key}")
    page = said(browser(cast.owner).get(of("audit", organization)))
    assert key not in page
    assert "hunter2" not in page


# ---- the file ------------------------------------------------------------------------------------


def test_the_file_has_one_line_for_each_changed_field(organization: Organization, cast: Any) -> None:
    organizations.set_retention(organization=organization, image_hours=1, body_hours=0, by=BY)
    answer = browser(cast.owner).get(of("audit_csv", organization), {"action": "organization.set_retention"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = rows_of(answer)
    assert {(row["field"], row["before"], row["after"]) for row in rows} == {
        ("image_retention_hours", "", "1"),
        ("body_retention_hours", "", "0"),
    }


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_nothing_in_the_file_is_a_formula(organization: Organization, cast: Any, evil: str) -> None:
    note(organization, "key.create", evil, reason=evil, after={"name": evil})
    (row,) = rows_of(browser(cast.owner).get(of("audit_csv", organization), {"action": "key.create"}))
    assert {row["object"], row["reason"], row["after"]} <= {f"'{evil}", f"'{evil}".replace("\r", "\n")}


def test_the_file_goes_on_beyond_one_batch(organization: Organization, cast: Any, monkeypatch: Any) -> None:
    from accounts.views import audit

    monkeypatch.setattr(audit, "BATCH", 10)
    for number in range(25):
        note(organization, "key.edit", f"key-{number:02}")
    rows = rows_of(browser(cast.owner).get(of("audit_csv", organization), {"action": "key.edit"}))
    assert [row["object"] for row in rows] == [f"key-{number:02}" for number in reversed(range(25))]
