"""Prompts and pictures are sealed: who breaks the glass says why, and sees one team for a while (A35)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.access import OperatorRole
from accounts.actions import operators
from accounts.admin import glass
from accounts.models import AuditEvent
from generations.models import Generation
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.admin import desk
from tests.admin.desk import delivered, events
from tests.cast import BY, Cast, make_cast
from tests.config.office import an_operator, page_of, place, visitor

pytestmark = pytest.mark.usefixtures("quiet_database")
GENERATION = "generations.Generation"
REASON = "Ticket 4711: the picture is said to be blank"
PROMPT = "A lamp"


def detail(client: Client, generation: Generation) -> str:
    return page_of(client, place(GENERATION, "change", generation.pk))


def listed(client: Client, team: Cast, **query: str) -> str:
    narrowed = {"organization__id__exact": str(team.organization.pk), **query}
    return page_of(client, place(GENERATION, "changelist"), **narrowed)


def unseal(client: Client, generation: Generation, reason: str = REASON) -> None:
    desk.do(client, GENERATION, "unseal", generation.pk, reason=reason)


def test_support_sees_neither_prompt_nor_picture_before(team: Cast) -> None:
    generation, client = delivered(team), visitor(an_operator("support"))
    for page in (detail(client, generation), listed(client, team)):
        assert PROMPT not in page
        assert "/i/" not in page
    assert "Break the seal" in detail(client, generation)


def test_a_broken_glass_shows_this_organization_and_no_other(team: Cast) -> None:
    generation, other = delivered(team), delivered(make_cast())
    client = visitor(an_operator("support"))
    unseal(client, generation)
    for page in (detail(client, generation), listed(client, team)):
        assert PROMPT in page
        assert "/i/" in page
    hidden = detail(client, other)
    assert PROMPT not in hidden
    assert "/i/" not in hidden
    everybody = page_of(client, place(GENERATION, "changelist"))
    assert everybody.count('class="prompt"') < everybody.count("data-row")
    assert "Sealed" in everybody


def test_every_page_says_so_while_it_lasts_and_it_can_be_sealed_again(team: Cast) -> None:
    generation, client = delivered(team), visitor(an_operator("support"))
    unseal(client, generation)
    banner = f"You see prompts and pictures of <strong>{team.organization.name}</strong> for 30 more minutes"
    for address in ("/admin/", place("billing.Entry", "changelist")):
        assert banner in page_of(client, address)
    assert client.get("/admin/seal/").status_code == 302
    assert banner in page_of(client, "/admin/")
    client.post("/admin/seal/")
    assert "You see prompts" not in page_of(client, "/admin/")
    assert PROMPT not in detail(client, generation)


def test_it_is_over_after_half_an_hour(team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    generation, client = delivered(team), visitor(an_operator("operations"))
    unseal(client, generation)
    later = utc_now() + timedelta(minutes=glass.MINUTES, seconds=1)
    monkeypatch.setattr(glass, "utc_now", lambda: later)
    assert PROMPT not in detail(client, generation)
    assert "You see prompts" not in page_of(client, "/admin/")


def test_the_team_reads_who_looked_and_why(team: Cast) -> None:
    operator = an_operator("support")
    unseal(visitor(operator), delivered(team))
    (event,) = events(team.organization, "glass.break")
    assert (event.actor_label, event.reason, event.after) == (operator.email, REASON, {"minutes": 30})
    with tenant(team.organization):
        assert AuditEvent.objects.of(team.organization).filter(action="glass.break").count() == 1


@pytest.mark.parametrize("reason", ["", "because", "         "])
def test_a_reason_is_a_sentence(team: Cast, reason: str) -> None:
    generation, client = delivered(team), visitor(an_operator("support"))
    unseal(client, generation, reason)
    assert PROMPT not in detail(client, generation)
    assert events(team.organization, "glass.break") == []


@pytest.mark.parametrize("role", ["auditor", "finance"])
def test_others_have_no_hammer(team: Cast, role: str) -> None:
    generation, client = delivered(team), visitor(an_operator(role))
    answer = client.post(
        desk.place(GENERATION, "unseal"), {"chosen": str(generation.pk), "step": "do", "reason": REASON}
    )
    assert answer.status_code == 403
    if role == "auditor":
        page = detail(client, generation)
        assert "Your role sees no prompts" in page
        assert "Break the seal" not in page


def test_a_search_for_words_of_prompts_finds_only_what_may_be_read(team: Cast) -> None:
    generation, other = delivered(team), make_cast()
    delivered(other)
    client = visitor(an_operator("support"))
    assert str(generation.pk) not in listed(client, team, prompt="lamp")
    unseal(client, generation)
    assert str(generation.pk) in listed(client, team, prompt="lamp")
    assert "data-row" not in listed(client, other, prompt="lamp")
    assert str(generation.pk) in listed(visitor(an_operator("superuser")), team, prompt="lamp")


def test_an_operator_who_lost_his_role_sees_nothing_more(team: Cast) -> None:
    generation, user = delivered(team), an_operator("support")
    client = visitor(user)
    unseal(client, generation)
    operators.assign(user=user, role=OperatorRole.AUDITOR, by=BY)
    assert PROMPT not in detail(client, generation)
