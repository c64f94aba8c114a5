"""Bad images are reported with one click for a day, answered once, and the money is exact (X4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from accounts.access import OperatorRole
from accounts.actions import operators
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue
from accounts.models import ApiKey, AuditEvent, Role
from billing import entries
from billing.actions import letters, refunds
from billing.errors import LedgerConflict
from generations.actions import contests
from generations.actions.submit import held_by
from generations.models import Contest, Generation
from runtime import ids
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.accounts.people import person
from tests.accounts.visits import Visitor
from tests.cast import BY, IMAGE, Cast
from tests.generations.gallery import drawn, failed, key_of, ordered, row

pytestmark = [
    pytest.mark.usefixtures("quiet_database", "fresh_catalogue"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
OPERATOR = Actor.command("test operator")
BUTTON = "Report a bad image"
TOO_LATE = "Bad images can be reported for 24 hours"


@pytest.fixture
def office(quiet_database: str) -> str:
    """The address of one who may refund."""
    address = f"finance-{ids.word(10, ids.BASE36)}@example.test"
    operators.create(email=address, role=OperatorRole.FINANCE, by=BY)
    return address


def contest_of(cast: Cast, generation: Generation) -> Contest | None:
    with tenant(cast.organization):
        return Contest.objects.of(cast.organization).filter(generation=generation).first()


def report(cast: Cast, generation: Generation, reason: str = "The lower half is grey") -> Contest:
    return contests.report(generation=generation, reason=reason, by=Actor.member(cast.developer))


def aged(cast: Cast, age: timedelta, admin_url: str) -> Generation:
    """A delivered generation that ended so long ago."""
    made = drawn(cast)
    set_back(made, age, admin_url)
    return row(cast, made.pk)


def set_back(made: Generation, age: timedelta, admin_url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        superuser.execute(
            "UPDATE generations_generation SET finished_at = now() - %s WHERE id = %s", (age, made.pk)
        )


def available(cast: Cast) -> int:
    return entries.balance(cast.organization, "live").available


def told(cast: Cast, generation: Generation) -> list[tuple[str, int, str]]:
    lines = entries.of_generation(cast.organization, "live", generation.pk)
    return [(line.kind, line.amount, line.reason) for line in lines]


def give_back(generation: Generation, tokens: int = 1290, reason: str = "It is grey indeed.") -> None:
    """As the ordinary deeds do."""
    refunds.refund(held=held_by(generation), tokens=tokens, reason=reason, by=OPERATOR)


# ---- who, and what the page says -----------------------------------------------------------------


@pytest.mark.parametrize(
    "role, may", [("owner", True), ("admin", True), ("developer", True), ("viewer", False)]
)
def test_who_makes_images_reports_a_bad_one_with_one_click(cast: Cast, role: str, may: bool) -> None:
    user = person(cast.organization, Role.ADMIN) if role == "admin" else getattr(cast, role)
    made, visitor = drawn(cast), Visitor(user, cast.organization)
    assert (BUTTON in visitor.look("task", generation=made.pk)) is may
    answer = visitor.send("contest_task", {"reason": "It is\n  grey "}, generation=made.pk)
    assert answer.status_code == (302 if may else 403)
    found = contest_of(cast, made)
    assert (found is not None) is may
    if found:
        page = visitor.follow(answer)
        assert "Somebody looks at it, and the answer will stand here." in page
        assert "Reported just now , somebody looks at it." in page
        assert BUTTON not in page
        assert (found.reason, found.asked_by, found.state) == ("It is grey", user.email, "open")


def test_billing_and_strangers_report_nothing(cast: Cast) -> None:
    made = drawn(cast)
    books = Visitor(person(cast.organization, Role.BILLING), cast.organization)
    assert books.send("contest_task", generation=made.pk).status_code == 403
    assert (
        Visitor(cast.stranger, cast.organization).send("contest_task", generation=made.pk).status_code == 404
    )
    assert Visitor(cast.stranger, cast.strangers).send("contest_task", generation=made.pk).status_code == 404
    assert contest_of(cast, made) is None


def test_everybody_who_sees_the_task_sees_what_became_of_it(cast: Cast, viewer: Visitor) -> None:
    refunded, kept = drawn(cast), drawn(cast)
    given, left = report(cast, refunded), report(cast, kept, "")
    contests.refund(contest=given, tokens=1290, reason="Grey indeed.", by=OPERATOR)
    contests.keep(contest=left, words="It is what was ordered.", by=OPERATOR)
    assert "Refunded: Grey indeed." in viewer.read("task", generation=refunded.pk)
    assert "Reason: The lower half is grey" in viewer.read("task", generation=refunded.pk)
    assert "Kept: It is what was ordered." in viewer.read("task", generation=kept.pk)


def test_a_reason_that_is_too_long_is_kept_and_refused(cast: Cast, developer: Visitor) -> None:
    made, reason = drawn(cast), "x" * 501
    answer = developer.send("contest_task", {"reason": reason}, generation=made.pk)
    assert answer.status_code == 200
    assert "Use at most 500 characters." in answer.content.decode()
    assert reason in answer.content.decode()
    with pytest.raises(InvalidValue, match="500"):
        report(cast, made, reason)
    assert contest_of(cast, made) is None


# ---- when ----------------------------------------------------------------------------------------


def test_it_is_open_for_a_day_and_then_says_why_not(
    cast: Cast, developer: Visitor, quiet_database: str
) -> None:
    just = aged(cast, timedelta(hours=24, minutes=-1), quiet_database)
    late = aged(cast, timedelta(hours=24, seconds=1), quiet_database)
    assert BUTTON in developer.look("task", generation=just.pk)
    assert BUTTON not in developer.look("task", generation=late.pk)
    assert developer.send("contest_task", generation=just.pk).status_code == 302
    answer = developer.send("contest_task", generation=late.pk)
    assert answer.status_code == 200
    assert TOO_LATE in answer.content.decode()
    assert BUTTON not in answer.content.decode()
    assert contest_of(cast, late) is None


def test_the_edge_belongs_to_the_day(cast: Cast) -> None:
    made = drawn(cast)
    assert made.finished_at is not None
    edge = made.finished_at + contests.WINDOW
    assert contests.problem(made, (), edge) == ""
    assert TOO_LATE in contests.problem(made, (), edge + timedelta(microseconds=1))


def test_what_was_reported_in_time_stays_reported(
    cast: Cast, developer: Visitor, quiet_database: str
) -> None:
    made = drawn(cast)
    first = report(cast, made)
    set_back(made, timedelta(days=3), quiet_database)
    assert report(cast, row(cast, made.pk)).pk == first.pk
    assert "somebody looks at it" in developer.read("task", generation=made.pk)


def test_only_what_was_delivered_and_charged_can_be_reported(cast: Cast, developer: Visitor) -> None:
    waits, lost = ordered(cast, runs=False).generation, failed(cast)
    for one in (waits, lost):
        assert BUTTON not in developer.look("task", generation=one.pk)
        with pytest.raises(Conflict, match="Only delivered"):
            report(cast, one)
    with pytest.raises(Conflict, match="cost nothing"):
        report(cast, drawn(cast, mode="test"))
    back = drawn(cast)
    give_back(back)
    assert BUTTON not in developer.look("task", generation=back.pk)
    with pytest.raises(Conflict, match="refunded already"):
        report(cast, back)


# ---- once ----------------------------------------------------------------------------------------


def test_twice_is_once(cast: Cast, developer: Visitor, office: str, mailoutbox: list[Any]) -> None:
    made = drawn(cast)
    for reason in ("first", "second"):
        answer = developer.send("contest_task", {"reason": reason}, generation=made.pk)
        assert answer.status_code == 302
    found = contest_of(cast, made)
    assert found is not None
    assert found.reason == "first"
    assert len([one for one in mailoutbox if office in one.to]) == 1
    with tenant(cast.organization):
        assert AuditEvent.objects.of(cast.organization).filter(action="contest.report").count() == 1


def apart(number: int, work: Any) -> list[Any]:
    def one(_: int) -> Any:
        try:
            return work()
        except (Conflict, LedgerConflict):
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as crowd:
        return list(crowd.map(one, range(number)))


def test_ten_at_once_report_it_once(cast: Cast) -> None:
    made = drawn(cast)
    assert len({row.pk for row in apart(10, lambda: report(cast, made))}) == 1


def test_ten_operators_refund_it_once(cast: Cast) -> None:
    made = drawn(cast)
    asked = report(cast, made)
    give = lambda: contests.refund(contest=asked, tokens=1290, reason="yes", by=OPERATOR)  # noqa: E731
    assert len([row for row in apart(10, give) if row]) == 1
    assert available(cast) == IMAGE
    assert [kind for kind, _, _ in told(cast, made)] == ["hold", "settle", "refund"]


def test_both_deeds_at_once_give_it_back_once(cast: Cast) -> None:
    """The ordinary refund and the one of the report wait for each other, in one order."""
    for _ in range(4):
        made = drawn(cast)
        asked, before = report(cast, made), available(cast)
        ways = [
            lambda made=made: give_back(made),
            lambda asked=asked: contests.refund(contest=asked, tokens=1290, reason="yes", by=OPERATOR),
        ]  # fmt: skip
        apart(2, lambda ways=ways: ways.pop()())
        assert available(cast) == before + IMAGE
        found = contest_of(cast, made)
        assert found is not None
        assert found.state == "refunded"


# ---- the answers ---------------------------------------------------------------------------------


def test_a_refund_is_exact_and_the_proof_holds(
    cast: Cast, office: str, mailoutbox: list[Any], quiet_database: str
) -> None:
    made = drawn(cast, count=2)
    asked, before = report(cast, made), available(cast)
    done = contests.refund(contest=asked, tokens=2580, reason="Both are grey.", by=OPERATOR)
    assert (done.state, done.answer, done.decided_by) == ("refunded", "Both are grey.", OPERATOR.label)
    assert done.decided_at is not None
    assert available(cast) == before + 2 * IMAGE
    assert told(cast, made)[-1] == ("refund", 2 * IMAGE, "Both are grey.")
    (letter,) = [one for one in mailoutbox if cast.developer.email in one.to]
    assert "refunded" in letter.subject
    assert "$0.0774 went back" in letter.body
    assert "Both are grey." in letter.body
    with tenant(cast.organization):
        noted = AuditEvent.objects.of(cast.organization).filter(object_id=str(made.pk))
        assert {"contest.report", "credit.refund", "contest.refund"} <= {one.action for one in noted}
    call_command("prove_ledger", organization=cast.organization.slug, stdout=StringIO())  # exits if broken


def test_what_stays_charged_says_why(cast: Cast, mailoutbox: list[Any]) -> None:
    made = drawn(cast)
    asked, before = report(cast, made), available(cast)
    with pytest.raises(InvalidValue, match="Say why"):
        contests.keep(contest=asked, words=" ", by=OPERATOR)
    contests.keep(contest=asked, words="It is what was ordered.", by=OPERATOR)
    assert available(cast) == before
    (letter,) = [one for one in mailoutbox if cast.developer.email in one.to]
    assert "It is what was ordered." in letter.body
    for again in (
        lambda: contests.keep(contest=asked, words="no", by=OPERATOR),
        lambda: contests.refund(contest=asked, tokens=1290, reason="yes", by=OPERATOR),
    ):
        with pytest.raises(Conflict, match="answered already: kept"):
            again()
    give_back(made)  # a change of mind is an ordinary refund; the answer stands as it was told
    found = contest_of(cast, made)
    assert found is not None
    assert (found.state, found.answer) == ("declined", "It is what was ordered.")


def test_an_ordinary_refund_answers_it(cast: Cast, developer: Visitor) -> None:
    made, other = drawn(cast), drawn(cast)
    report(cast, made)
    report(cast, other)
    give_back(made)
    found = contest_of(cast, made)
    assert found is not None
    assert (found.state, found.answer, found.decided_by) == (
        "refunded",
        "It is grey indeed.",
        OPERATOR.label,
    )
    assert "Refunded: It is grey indeed." in developer.read("task", generation=made.pk)
    assert "somebody looks at it" in developer.read("task", generation=other.pk)


def test_a_refund_that_is_refused_leaves_it_open(cast: Cast) -> None:
    made = drawn(cast)
    asked, before = report(cast, made), available(cast)
    with pytest.raises(LedgerConflict):
        contests.refund(contest=asked, tokens=1291, reason="too much", by=OPERATOR)
    with pytest.raises(InvalidValue):
        contests.refund(contest=asked, tokens=1290, reason=" ", by=OPERATOR)
    found = contest_of(cast, made)
    assert found is not None
    assert (found.state, available(cast)) == ("open", before)


# ---- who is told ---------------------------------------------------------------------------------


def test_those_who_may_refund_are_told_and_not_a_hundred_times(
    cast: Cast, office: str, mailoutbox: list[Any]
) -> None:
    for number in range(contests.MOST_LETTERS + 2):
        report(cast, drawn(cast), f"Number {number}")
    mine = [one for one in mailoutbox if office in one.to]
    assert len(mine) == contests.MOST_LETTERS
    assert cast.organization.name in mine[0].subject
    assert "Number 0" in mine[0].body
    assert "$0.0387" in mine[0].body


def test_a_key_with_an_address_for_a_name_sends_mail_to_nobody(cast: Cast, mailoutbox: list[Any]) -> None:
    made = drawn(cast)
    key: ApiKey = key_of(cast)
    key.name = "somebody@example.test"
    asked = contests.report(generation=made, reason="", by=Actor.key(key))
    contests.keep(contest=asked, words="It is fine.", by=OPERATOR)
    assert not [one for one in mailoutbox if any("somebody@" in each for each in one.to)]


def test_a_mail_that_cannot_leave_loses_no_report(
    cast: Cast, office: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("no route to the mail server")

    monkeypatch.setattr(letters, "send_mail", broken)
    assert report(cast, drawn(cast)).created_at <= utc_now() + timedelta(minutes=1)
