"""What operators do: previewed, with a reason, by everybody's verb, audited, and once (M2, M6, M11)."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from accounts import admission
from accounts.actions import keys
from accounts.actions import webhooks as endpoints
from accounts.errors import AuthError, AuthReason
from accounts.models import ApiKey, Event, Organization, OutboxMessage
from billing.models import Entry
from generations.models import Generation, Lane
from runtime.tenancy import operator, tenant
from tests.admin import desk
from tests.admin.desk import WHY, again, available, delivered, do, events, running, said
from tests.cast import BY, IMAGE, Cast, make_cast
from tests.config.office import place, rows

GENERATION, ORGANIZATION, KEY = "generations.Generation", "accounts.Organization", "accounts.ApiKey"
Operators = Callable[[str], Client]


def refunds(team: Cast) -> list[tuple[int, str, str]]:
    with tenant(team.organization):
        found = Entry.objects.of(team.organization).filter(kind="refund").order_by("id")
        return [(row.tokens or 0, row.reason, row.actor) for row in found]


# ---- every deed ----------------------------------------------------------------------------------


def test_nothing_happens_before_it_was_previewed_and_a_reason_was_given(
    team: Cast, operators: Operators
) -> None:
    generation, client = running(team), operators("operations")
    page = desk.asked(client, GENERATION, "cancel", generation.pk)
    assert "$0.0387 go back" in page
    for reason in ("", "no", "   "):
        answer = client.post(
            desk.place(GENERATION, "cancel"), {**desk.hidden(page), "step": "do", "reason": reason}
        )
        assert answer.status_code == 200
        assert 'class="wrong"' in answer.content.decode()
    assert again(generation).state == "running"


def test_what_was_typed_is_kept_when_it_was_wrong(team: Cast, operators: Operators) -> None:
    page = desk.asked(operators("finance"), ORGANIZATION, "grant", team.organization.pk)
    typed = {**desk.hidden(page), "dollars": "-3", "reason": WHY}
    answer = operators("finance").post(desk.place(ORGANIZATION, "grant"), typed).content.decode()
    assert 'value="-3"' in answer
    assert WHY in answer
    assert 'class="wrong"' in answer


def test_a_deed_is_audited_with_who_why_and_from_where(team: Cast, operators: Operators) -> None:
    generation = running(team)
    do(operators("operations"), GENERATION, "cancel", generation.pk)
    (event,) = events(team.organization, "generation.cancel")
    assert (event.actor_type, event.reason, event.object_id) == ("operator", WHY, str(generation.pk))
    assert event.actor_label.endswith("@example.com")
    assert event.ip == "127.0.0.1"


def test_each_of_many_is_audited_under_one_request(team: Cast, operators: Operators) -> None:
    made = [running(team) for _ in range(3)]
    answer = do(operators("operations"), GENERATION, "cancel", *(one.pk for one in made))
    assert said(answer) == ["3 generations are cancelled."]
    found = events(team.organization, "generation.cancel")
    assert {event.object_id for event in found} == {str(one.pk) for one in made}
    assert len({event.request_id for event in found}) == 1


def test_what_cannot_be_done_to_one_is_left_and_the_others_are_done(team: Cast, operators: Operators) -> None:
    live, over = running(team), delivered(team)
    page = desk.asked(operators("operations"), GENERATION, "cancel", live.pk, over.pk)
    assert "Stays as it is: it is succeeded already." in page
    answer = do(operators("operations"), GENERATION, "cancel", live.pk, over.pk)
    done, left = said(answer)
    assert done == "It is cancelled."
    assert left.startswith("1 left as before.")
    assert (again(live).state, again(over).state) == ("cancelled", "succeeded")


def test_from_a_list_the_chosen_rows_are_previewed(team: Cast, superuser_page: Client) -> None:
    made = [running(team) for _ in range(2)]
    address = place(GENERATION, "changelist") + f"?organization__id__exact={team.organization.pk}"
    listed = superuser_page.get(address).content.decode()
    assert rows(listed) == 2
    chosen = {"action": "cancel", "index": "0", "_selected_action": [str(one.pk) for one in made]}
    page = superuser_page.post(address, chosen).content.decode()
    assert "2 rows" in page
    assert set(desk.hidden(page)["chosen"].split()) == {str(one.pk) for one in made}
    assert desk.hidden(page)["back"] == address
    data = {**desk.hidden(page), "reason": WHY}
    answer = superuser_page.post(desk.place(GENERATION, "cancel"), data)
    assert answer["Location"] == address
    assert desk.states(made) == {"cancelled"}


def test_no_list_leads_away_from_the_house(team: Cast, operators: Operators) -> None:
    generation = running(team)
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"):
        page = operators("operations").get(
            desk.place(GENERATION, "cancel"), {"of": generation.pk, "back": elsewhere}
        )
        assert "elsewhere.example" not in page.content.decode()
        assert "javascript:alert" not in page.content.decode()


# ---- refunds -------------------------------------------------------------------------------------


def test_a_refund_gives_back_what_was_charged_and_the_team_sees_why(
    team: Cast, operators: Operators, superuser_page: Client
) -> None:
    generation = delivered(team, images=2)
    before = available(team.organization)
    assert said(do(superuser_page, GENERATION, "refund", generation.pk)) == ["It is refunded."]
    assert available(team.organization) == before + 2 * IMAGE
    ((tokens, reason, actor),) = refunds(team)
    assert (tokens, reason) == (2580, WHY)
    assert actor.endswith("@example.com")
    (event,) = events(team.organization, "credit.refund")
    assert (event.object_id, event.after["count"]) == (str(generation.pk), 2580)


def test_finance_refunds_from_the_ledger(team: Cast, operators: Operators) -> None:
    delivered(team)
    with tenant(team.organization):
        charge = Entry.objects.of(team.organization).get(kind="settle")
        hold = Entry.objects.of(team.organization).get(kind="hold")
    answer = do(operators("finance"), "billing.Entry", "refund", charge.pk, hold.pk)
    assert said(answer)[0] == "It is refunded."
    assert "it is no charge" in said(answer)[1]
    assert [tokens for tokens, _, _ in refunds(team)] == [1290]


def test_refunds_never_come_to_more_than_the_charge(team: Cast, superuser_page: Client) -> None:
    generation = delivered(team)
    do(superuser_page, GENERATION, "refund", generation.pk, tokens="1000")
    assert "290 of 1,290 tokens" in desk.asked(superuser_page, GENERATION, "refund", generation.pk)
    answer = do(superuser_page, GENERATION, "refund", generation.pk, tokens="291")
    assert "cannot be larger than the charge" in said(answer)[0]
    do(superuser_page, GENERATION, "refund", generation.pk)
    assert [tokens for tokens, _, _ in refunds(team)] == [1000, 290]
    assert "it was refunded already" in desk.asked(superuser_page, GENERATION, "refund", generation.pk)


def test_a_refund_that_is_sent_twice_is_made_once(team: Cast, superuser_page: Client) -> None:
    generation = delivered(team, images=2)
    asked = desk.hidden(desk.asked(superuser_page, GENERATION, "refund", generation.pk))
    data = {**asked, "step": "do", "reason": WHY, "tokens": "1290"}
    for _ in range(2):
        assert superuser_page.post(desk.place(GENERATION, "refund"), data).status_code == 302
    assert [tokens for tokens, _, _ in refunds(team)] == [1290]


def test_many_are_refunded_with_the_sum_before(team: Cast, superuser_page: Client) -> None:
    made, other = [delivered(team) for _ in range(2)], delivered(make_cast())
    page = desk.asked(superuser_page, GENERATION, "refund", *(one.pk for one in [*made, other]))
    assert "3,870 tokens, $0.1161, go back to 2 organizations." in page
    answer = do(superuser_page, GENERATION, "refund", *(one.pk for one in made))
    assert said(answer) == ["2 charges are refunded."]


# ---- replay --------------------------------------------------------------------------------------


def replays(team: Cast, original: Generation) -> list[Generation]:
    with tenant(team.organization):
        return list(Generation.objects.of(team.organization).exclude(pk=original.pk))


def test_a_replay_is_the_same_order_and_costs_the_team_nothing(team: Cast, operators: Operators) -> None:
    original = delivered(team)
    before = available(team.organization)
    assert said(do(operators("operations"), GENERATION, "replay", original.pk)) == ["It is ordered anew."]
    (made,) = replays(team, original)
    assert (made.order["prompt"], made.dialect, made.state) == (original.order["prompt"], "openai", "queued")
    assert (made.key_id, made.callback_url) == (None, "")
    assert available(team.organization) == before
    (event,) = events(team.organization, "generation.replay")
    assert (event.object_id, event.after, event.reason) == (str(original.pk), {"replay": str(made.pk)}, WHY)
    with tenant(team.organization):
        grant = Entry.objects.of(team.organization).filter(kind="grant").latest("id")
    assert (grant.amount, str(original.pk) in grant.reason) == (IMAGE, True)


def test_a_team_without_credit_gets_its_replay(team: Cast, operators: Operators) -> None:
    original = delivered(team)
    assert available(team.organization) == 0
    do(operators("operations"), GENERATION, "replay", original.pk)
    assert len(replays(team, original)) == 1
    assert available(team.organization) == 0


def test_a_replay_that_is_sent_twice_is_made_once(team: Cast, operators: Operators) -> None:
    original, client = delivered(team), operators("operations")
    data = {**desk.hidden(desk.asked(client, GENERATION, "replay", original.pk)), "reason": WHY}
    for _ in range(2):
        client.post(desk.place(GENERATION, "replay"), data)
    assert len(replays(team, original)) == 1
    assert available(team.organization) == 0
    assert len(events(team.organization, "generation.replay")) == 1


def test_what_is_not_done_is_not_replayed(team: Cast, operators: Operators) -> None:
    generation = running(team)
    assert "it is running still" in desk.asked(operators("operations"), GENERATION, "replay", generation.pk)


# ---- organizations and keys ----------------------------------------------------------------------


def admit(plain: str) -> AuthReason | None:
    try:
        admission.authenticate(plain, ip="192.0.2.1", agent="test", door="openai")
    except AuthError as error:
        return error.reason
    return None


def test_a_suspended_organization_is_refused_on_the_next_request_until_it_is_restored(
    team: Cast, operators: Operators
) -> None:
    plain, client = team.key(), operators("operations")
    assert admit(plain) is None
    do(client, ORGANIZATION, "suspend", team.organization.pk, reason="unpaid bills")
    assert admit(plain) is AuthReason.ORGANIZATION_SUSPENDED
    with operator():
        assert Organization.objects.across().get(pk=team.organization.pk).suspended_reason == "unpaid bills"
    do(client, ORGANIZATION, "restore", team.organization.pk)
    assert admit(plain) is None
    assert [event.reason for event in events(team.organization, "organization.suspend")] == ["unpaid bills"]
    assert len(events(team.organization, "organization.restore")) == 1


def test_a_suspended_key_is_refused_on_the_next_request_until_it_is_restored(
    team: Cast, operators: Operators
) -> None:
    plain, other, client = team.key(), team.key(), operators("support")
    with operator():
        key = ApiKey.objects.across().get(public_id=plain.split("_")[2][:10])
    do(client, KEY, "suspend", key.pk)
    assert (admit(plain), admit(other)) == (AuthReason.REVOKED, None)
    do(client, KEY, "restore", key.pk)
    assert admit(plain) is None
    assert len(events(team.organization, "key.suspend")) == len(events(team.organization, "key.restore")) == 1


def test_a_key_is_revoked_for_good_when_its_name_was_typed(team: Cast, operators: Operators) -> None:
    key, plain = keys.create(organization=team.organization, mode="live", name="Shop", by=BY)
    client = operators("support")
    answer = do(client, KEY, "revoke", key.pk, word="shop")
    assert "Type Shop to go on." in answer.content.decode()
    assert admit(plain) is None
    do(client, KEY, "revoke", key.pk, word="Shop")
    assert admit(plain) is AuthReason.REVOKED
    assert "it is revoked, for good" in desk.asked(client, KEY, "restore", key.pk)


# ---- credit --------------------------------------------------------------------------------------


def test_credit_is_granted_and_corrected_with_a_reason_that_the_team_sees(
    team: Cast, operators: Operators
) -> None:
    client, organization = operators("finance"), team.organization
    do(client, ORGANIZATION, "grant", organization.pk, dollars="12.5")
    assert available(organization) == 12_500_000_000
    do(
        client,
        ORGANIZATION,
        "adjust",
        organization.pk,
        direction="take",
        dollars="2.5",
        reason="booked twice",
    )
    assert available(organization) == 10_000_000_000
    with tenant(organization):
        reasons = list(Entry.objects.of(organization).order_by("id").values_list("kind", "reason"))
    assert reasons == [("grant", WHY), ("adjust", "booked twice")]


def test_nobody_takes_more_than_is_there(team: Cast, operators: Operators) -> None:
    team.credit(1)
    answer = do(
        operators("finance"), ORGANIZATION, "adjust", team.organization.pk, direction="take", dollars="1"
    )
    assert said(answer)[0].endswith("Only $0.0387 are available.")
    assert available(team.organization) == IMAGE


# ---- messages ------------------------------------------------------------------------------------


def pinged(team: Cast) -> OutboxMessage:
    url, what = "https://hooks.example.test/", [Event.KEY_REVOKED]
    endpoint, _ = endpoints.create(organization=team.organization, mode="live", url=url, events=what, by=BY)
    message = endpoints.ping(endpoint=endpoint, by=BY)
    with tenant(team.organization):
        OutboxMessage.objects.of(team.organization).filter(pk=message.pk).update(state="dead", attempts=3)
    return message


def test_messages_are_sent_again_one_or_many(team: Cast, operators: Operators) -> None:
    messages = [pinged(team) for _ in range(2)]
    answer = do(operators("support"), "accounts.OutboxMessage", "redeliver", *(one.pk for one in messages))
    assert said(answer) == ["2 messages are on their way again."]
    with tenant(team.organization):
        states = set(OutboxMessage.objects.of(team.organization).values_list("state", "attempts"))
    assert states == {("pending", 0)}
    assert [event.reason for event in events(team.organization, "message.redeliver")] == [WHY, WHY]


def test_an_endpoint_is_disabled_and_its_messages_stay(team: Cast, operators: Operators) -> None:
    message = pinged(team)
    do(operators("operations"), "accounts.WebhookEndpoint", "disable", message.endpoint_id)
    assert [event.reason for event in events(team.organization, "endpoint.disable")] == [WHY]
    page = desk.asked(operators("support"), "accounts.OutboxMessage", "redeliver", message.pk)
    assert "its endpoint is disabled" in page


# ---- the queue -----------------------------------------------------------------------------------


def test_the_queue_shows_who_waits_and_its_shares_can_be_changed(team: Cast, operators: Operators) -> None:
    running(team)
    client = operators("operations")
    page = client.get(place("generations.Lane", "changelist"), {"q": team.organization.slug}).content.decode()
    assert rows(page) == 1
    assert "Waiting" in page
    with operator():
        row = Lane.objects.across().get(organization_id=team.organization.pk, mode="live")
    do(client, "generations.Lane", "share", row.pk, weight="2.5", cap="7")
    with operator():
        row.refresh_from_db()
    assert (row.weight, row.cap) == (2.5, 7)
    (event,) = events(team.organization, "lane.set")
    assert (event.before, event.after) == ({"weight": 1.0, "cap": 1000}, {"weight": 2.5, "cap": 7})
