"""Second factors: an app's codes, recovery codes, passkeys, and teams that ask for one (T5)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from accounts.actions import organizations
from accounts.models import Organization, Role, User
from tests.accounts.people import (
    BY,
    PASSWORD,
    browser,
    code,
    log_in,
    logged_in,
    mails,
    of,
    person,
    said,
    sees,
    with_app,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def recovery_codes(client: Any) -> list[str]:
    return re.findall(r"<code>(\d{8})</code>", said(client.get("/2fa/recovery-codes/")))


def second_step(user: User) -> Any:
    """A browser that has given the password and is asked for more."""
    client = browser()
    assert log_in(client, user.email)["Location"] == "/2fa/authenticate/"
    assert not sees(client)
    return client


# ---- one's own -----------------------------------------------------------------------------------


def test_with_an_app_logging_in_takes_its_code_too() -> None:
    user = person()
    secret = with_app(logged_in(user))
    client = second_step(user)
    answer = client.post("/2fa/authenticate/", {"code": code(secret, 1)})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert sees(client)


def test_a_code_works_once() -> None:
    user = person()
    secret = with_app(logged_in(user))
    used = code(secret, 1)
    assert second_step(user).post("/2fa/authenticate/", {"code": used}).status_code == 302
    again = second_step(user)
    assert "each works once" in said(again.post("/2fa/authenticate/", {"code": used}))
    assert not sees(again)


def test_there_are_ten_recovery_codes_and_each_works_once() -> None:
    user = person()
    owner = logged_in(user)
    with_app(owner)
    codes = recovery_codes(owner)
    assert len(set(codes)) == 10
    assert second_step(user).post("/2fa/authenticate/", {"code": codes[0]}).status_code == 302
    assert "not valid" in said(second_step(user).post("/2fa/authenticate/", {"code": codes[0]}))
    assert codes[0] not in recovery_codes(owner)
    assert codes[1] in said(owner.get("/2fa/recovery-codes/download/")).split()


def test_new_recovery_codes_end_the_old_ones() -> None:
    user = person()
    owner = logged_in(user)
    with_app(owner)
    old = recovery_codes(owner)
    assert owner.post("/2fa/recovery-codes/generate/")["Location"] == "/2fa/recovery-codes/"
    assert not set(old) & set(recovery_codes(owner))
    assert "not valid" in said(second_step(user).post("/2fa/authenticate/", {"code": old[0]}))


def test_the_secret_lies_encrypted_in_the_database() -> None:
    user = person()
    secret = with_app(logged_in(user))
    stored = json.dumps(list(Authenticator.objects.filter(user=user).values_list("data", flat=True)))
    assert secret not in stored
    assert '"secret": "gAAAA' in stored
    assert '"seed": "gAAAA' in stored


def test_a_new_password_by_mail_does_not_spare_the_second_factor() -> None:
    from tests.accounts.people import link

    user = person()
    with_app(logged_in(user))
    client = browser()
    client.post("/password/reset/", {"email": user.email})
    page = client.get(link(user.email, "password/reset/key/"))["Location"]
    new = "quite another long password"
    client.post(page, {"password1": new, "password2": new})
    assert log_in(client, user.email, new)["Location"] == "/2fa/authenticate/"
    assert not sees(client)


def test_every_change_of_factors_is_mailed() -> None:
    user = person()
    client = logged_in(user)
    with_app(client)
    client.post("/2fa/recovery-codes/generate/")
    client.post("/2fa/totp/deactivate/")
    subjects = [message.subject for message in mails(user.email)]
    assert subjects == [
        "An authenticator app was set up",
        "New recovery codes were made",
        "The authenticator app was removed",
    ]
    assert "From: 127.0.0.1" in mails(user.email)[0].body
    assert not Authenticator.objects.filter(user=user).exists()


def test_factors_are_changed_only_by_who_has_just_shown_who_he_is() -> None:
    user = person()
    client = browser(user)  # logged in, but without having typed a password
    for path in ("/2fa/totp/activate/", "/2fa/webauthn/add/"):
        assert client.get(path)["Location"].startswith("/reauthenticate/?next=")
    client.post("/reauthenticate/", {"password": PASSWORD})
    assert client.get("/2fa/totp/activate/").status_code == 200


def test_a_passkey_page_offers_a_challenge_and_takes_no_nonsense() -> None:
    client = logged_in(person())
    page = said(client.get("/2fa/webauthn/add/"))
    found = re.search(r'<script id="passkey-options" type="application/json">(.+?)</script>', page)
    assert found
    options = json.loads(found[1])["publicKey"]
    assert options["rp"]["id"] == "localhost"
    assert len(options["challenge"]) >= 32
    for credential in ("{}", '{"id": "x"}', "nonsense", "[]", '{"id": "AA", "rawId": "AA", "response": {}}'):
        assert client.post("/2fa/webauthn/add/", {"name": "key", "credential": credential}).status_code == 200
    assert not Authenticator.objects.filter(type="webauthn").exists()


def test_logging_in_with_a_passkey_begins_with_a_challenge_for_anybody() -> None:
    client = browser()
    answer = client.get("/2fa/webauthn/login/", HTTP_ACCEPT="application/json")
    assert "challenge" in answer.json()["request_options"]["publicKey"]
    refused = client.post("/2fa/webauthn/login/", {"credential": '{"id": "x", "response": {}}'})
    assert refused["Location"] == "/login/"
    assert not sees(client)


# ---- a team that asks for one --------------------------------------------------------------------


@pytest.fixture
def strict(organization: Organization) -> Organization:
    organizations.require_two_factors(organization=organization, required=True, by=BY)
    return organization


def test_members_without_a_second_factor_are_led_to_set_it_up(strict: Organization) -> None:
    client = logged_in(person(strict))
    answer = client.get(of("members", strict))
    assert (answer.status_code, answer["Location"]) == (302, "/2fa/")
    page = said(client.get("/2fa/"))
    assert f"{strict.name} asks its members for a second factor" in page
    with_app(client)
    assert f"go on to {strict.name}" in said(client.get("/2fa/"))
    assert client.get(of("members", strict)).status_code == 200


def test_another_team_of_theirs_stays_open(strict: Organization, make_organization: Any) -> None:
    from accounts.actions import members

    user, other = person(strict), make_organization()
    members.add(organization=other, user=user, role=Role.VIEWER, by=BY)
    assert logged_in(user).get(of("members", other)).status_code == 200


def test_a_stranger_learns_nothing_of_it(strict: Organization, cast: Any) -> None:
    assert browser(cast.stranger).get(of("members", strict)).status_code == 404


def test_the_management_api_is_closed_to_their_sessions_too(strict: Organization) -> None:
    client = logged_in(person(strict))
    answer = client.get("/api/v1/organization", HTTP_X_EASEL_ORGANIZATION=strict.slug)
    assert answer.status_code == 403
    assert "second factor" in answer.json()["detail"]


def test_only_who_has_one_can_require_it(organization: Organization) -> None:
    owner = person(organization, Role.OWNER)
    client = logged_in(owner)
    page = of("require_two_factors", organization)
    assert "Set up your own first" in said(client.get(page))
    assert client.post(page).status_code == 403
    with_app(client)
    told = said(client.get(page))
    assert "will be led to set it up" in told
    assert client.post(page).status_code == 302
    assert client.get(of("settings", organization)).status_code == 200
    assert client.post(page).status_code == 302  # and back
    assert browser(person(organization)).get(of("settings", organization)).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(strict: Organization) -> None:
    user = person(strict)
    client = logged_in(user)
    with_app(client)
    Authenticator.objects.filter(user=user, type="totp").delete()
    assert client.get(of("members", strict))["Location"] == "/2fa/"
