"""Images that teams report as bad: looked at behind the glass, refunded or kept by those who may."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from accounts.auditing import Actor
from generations.actions import contests
from generations.models import Contest
from runtime.tenancy import operator
from tests.admin.desk import WHY, available, delivered, do, events, said
from tests.cast import IMAGE, Cast
from tests.config.office import page_of, place, rows

CONTEST = "generations.Contest"
Operators = Callable[[str], Client]


def reported(team: Cast, images: int = 1, reason: str = "It is grey") -> Contest:
    made = delivered(team, images=images)
    return contests.report(generation=made, reason=reason, by=Actor.member(team.developer))


def again(contest: Contest) -> Contest:
    with operator():
        return Contest.objects.across().get(pk=contest.pk)


def test_finance_refunds_it_and_the_team_reads_why(team: Cast, operators: Operators) -> None:
    asked = reported(team, images=2)
    before = available(team.organization)
    assert said(do(operators("finance"), CONTEST, "refund", asked.pk)) == ["It is refunded."]
    assert available(team.organization) == before + 2 * IMAGE
    assert (again(asked).state, again(asked).answer) == ("refunded", WHY)
    (event,) = events(team.organization, "contest.refund")
    assert (event.actor_type, event.reason, event.object_id) == ("operator", WHY, str(asked.generation_id))
    assert len(events(team.organization, "credit.refund")) == 1


def test_a_part_of_it_may_be_given_back(team: Cast, operators: Operators) -> None:
    asked = reported(team, images=2)
    before = available(team.organization)
    do(operators("finance"), CONTEST, "refund", asked.pk, tokens="1290")
    assert available(team.organization) == before + IMAGE
    assert again(asked).state == "refunded"


def test_finance_keeps_it_with_words(team: Cast, operators: Operators) -> None:
    asked = reported(team)
    before = available(team.organization)
    assert said(do(operators("finance"), CONTEST, "keep", asked.pk)) == ["It is kept."]
    assert (available(team.organization), again(asked).state, again(asked).answer) == (
        before,
        "declined",
        WHY,
    )
    (event,) = events(team.organization, "contest.keep")
    assert (event.reason, event.after["state"]) == (WHY, "declined")


def test_what_was_answered_is_left_as_it_is(team: Cast, operators: Operators) -> None:
    asked, other = reported(team), reported(team)
    do(operators("finance"), CONTEST, "keep", asked.pk)
    before = available(team.organization)
    answer = do(operators("finance"), CONTEST, "refund", asked.pk, other.pk)
    done, left = said(answer)
    assert done == "It is refunded."
    assert "it was answered: kept." in left
    assert available(team.organization) == before + IMAGE


def test_the_ordinary_deeds_answer_it_too(team: Cast, operators: Operators, superuser_page: Client) -> None:
    asked = reported(team)
    assert said(do(superuser_page, "generations.Generation", "refund", asked.generation_id)) == [
        "It is refunded."
    ]
    assert (again(asked).state, again(asked).answer) == ("refunded", WHY)


def test_those_that_wait_come_first(team: Cast, operators: Operators) -> None:
    old, new = reported(team, reason="The old one"), reported(team, reason="The new one")
    do(operators("finance"), CONTEST, "keep", new.pk)
    address = place(CONTEST, "changelist")
    page = page_of(operators("finance"), address, organization__id__exact=team.organization.pk)
    assert rows(page) == 2
    assert page.index("The old one") < page.index("The new one")
    waiting = page_of(
        operators("finance"), address, organization__id__exact=team.organization.pk, state="open"
    )
    assert (rows(waiting), str(old.pk) in waiting) == (1, True)


def test_the_picture_is_behind_the_glass(team: Cast, operators: Operators, superuser_page: Client) -> None:
    asked = reported(team)
    link = f"/i/{asked.generation_id}"
    listed, one = place(CONTEST, "changelist"), place(CONTEST, "change", asked.pk)
    for role in ("finance", "support"):
        assert link not in page_of(operators(role), listed)
        assert link not in page_of(operators(role), one)
        assert "are sealed" in page_of(operators(role), one)
    assert link in page_of(superuser_page, listed)
    assert link in page_of(superuser_page, one)
    support = operators("support")
    assert said(do(support, CONTEST, "unseal", asked.pk)) == ["Open for 30 minutes."]
    assert link in page_of(support, one)
    assert link in page_of(support, listed)


def test_the_dashboard_counts_what_waits_for_those_who_may_answer(team: Cast, operators: Operators) -> None:
    reported(team)
    assert (
        "Contested images" in page_of(operators("finance"), "/admin/").split("By day")[0].split("<main")[-1]
    )
    link = f"{place(CONTEST, 'changelist')}?state=open"
    assert link in page_of(operators("finance"), "/admin/")
    assert link not in page_of(operators("support"), "/admin/")
