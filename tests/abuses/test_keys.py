"""Keys that are guessed, misplaced, over, or of the other mode: A18, A19, A20."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from accounts import bad_keys
from accounts.actions import keys, organizations
from accounts.admission import admit, authenticate
from accounts.errors import AuthError
from accounts.keys import _check, mint
from accounts.models import ApiKey
from runtime.tenancy import tenant
from tests.abuses.attacker import DOORS, Attacker, sentence
from tests.api.office import Office
from tests.cast import BY, Cast, make_cast
from tests.flows.five import EVOLINK, GEMINI, Way, Wish
from tests.flows.wire import CLIENT, Books, eventually, places
from tests.house import Program, Servers


def typo(plain: str) -> str:
    return plain[:-1] + ("a" if plain[-1] != "a" else "b")


# ---- A18: guessed and misplaced ----------------------------------------------------------------


def test_a_guess_a_typo_and_nonsense_are_told_the_same(attacker: Attacker, way: Way) -> None:
    """A18: byte for byte, so that nothing can be learnt from an answer."""
    guesses = [mint("live").plain, mint("test").plain, typo(attacker.key), "easel_live_x", "sk-" + "x" * 60]
    answers = [attacker.submit(way, key=guess) for guess in guesses]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("name", ["api_key", "apikey", "access_token", "token", "key"])
def test_a_key_in_the_address_opens_nothing_and_is_kept_nowhere(
    attacker: Attacker, way: Way, servers: Servers, superuser: psycopg.Connection[Any], name: str
) -> None:
    """A18: whatever its name; only Google's door knows `?key=`, as Google does, and it keeps it no less
    secret."""
    key = attacker.cast.key()
    answer = attacker.send("POST", f"{way.submits}?{name}={key}", key="", json=way.spell(Wish()))
    if way is GEMINI and name == "key":
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code in (400, 401, 403), answer.text
        sentence(answer)
    attacker.books.requests(answer.headers["x-request-id"])
    assert places(superuser, key) == []
    assert not [program.name for program in servers.programs if key in program.output()]


def test_the_management_api_takes_no_key_from_the_address(office: Office) -> None:
    """A18 at `/api/v1/`."""
    stranger = Office(office.url, "")
    for name in ("api_key", "key", "token", "access_token"):
        stranger.refused(401, "auth_missing", "GET", f"keys?{name}={office.key}")


@pytest.fixture(scope="module")
def guarded(servers: Servers) -> Program:
    """A server that takes the published twenty bad keys a minute."""
    return servers.web(EASEL_BAD_KEY_LIMIT="20")


def knock(url: str, way: Way, key: str) -> Any:
    return CLIENT.post(url + way.submits, json=way.spell(Wish()), headers={"Authorization": f"Bearer {key}"})


def exhaust(url: str) -> int:
    """Bad keys until one too many came within a minute; how many were taken before it."""
    for number in range(60):
        if knock(url, EVOLINK, mint("live").plain if number % 2 else "sk-x").status_code == 429:
            return number
    raise AssertionError("sixty bad keys, and nobody minds")


def test_the_twenty_first_bad_key_of_a_minute_is_told_to_wait(guarded: Program, team: Cast) -> None:
    """A18: in each door's own words, and at the management API; a good key opens all the same."""
    good, manager = team.key(), Office(guarded.url, team.key(scopes=("manage:read",)))
    assert exhaust(guarded.url) >= 20
    for way in DOORS.values():
        exhaust(guarded.url)
        late = knock(guarded.url, way, mint("live").plain)
        assert late.status_code == 429, late.text
        assert 1 <= int(late.headers["retry-after"]) <= 60
        sentence(late)
        assert knock(guarded.url, way, good).status_code == 200
    exhaust(guarded.url)
    Office(guarded.url, mint("live").plain).refused(429, "rate_limited", "GET", "keys")
    manager.get("keys")


def test_what_was_once_a_key_is_no_guess(guarded: Program, team: Cast) -> None:
    """A18: its holder is told that it is over, however often he tries."""
    plain = team.key()
    keys.revoke(key=newest(team), reason="test", by=BY)
    exhaust(guarded.url)
    assert {knock(guarded.url, EVOLINK, plain).status_code for _ in range(25)} == {401}


@pytest.mark.usefixtures("database")
def test_bad_keys_are_counted_by_address_and_minute(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A18: an address has its own count, half of an IPv6 one; a new minute begins at nothing."""
    monkeypatch.setattr(bad_keys, "_minute", bad_keys.Minute())
    settings.EASEL = replace(settings.EASEL, bad_key_limit=20)
    now = [60_000.0]
    monkeypatch.setattr(bad_keys.time, "time", lambda: now[0])

    def wait(ip: str) -> int:
        with pytest.raises(AuthError) as refused:
            admit(mint("live").plain, ip=ip, agent="", door="openai")
        return refused.value.retry_after or 0

    assert [wait("192.0.2.1") for _ in range(22)] == [0] * 20 + [60, 60]
    assert wait("192.0.2.2") == 0
    assert [wait(f"2001:db8:0:1::{n}") for n in range(1, 22)] == [0] * 20 + [60]
    assert wait("2001:db8:0:2::1") == 0
    now[0] += 59
    assert wait("192.0.2.1") == 1
    now[0] += 1
    assert wait("192.0.2.1") == 0


def test_addresses_without_end_do_not_fill_the_memory() -> None:
    """A18: beyond ten thousand within a minute new ones go uncounted."""
    minute = bad_keys.Minute()
    for number in range(12_000):
        minute.count(f"a{number}", 0.0)
    assert len(minute.shown) == 10_000
    assert minute.count("a5", 0.0) == 2


# ---- A19: the time it takes --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_the_time_of_a_lookup_says_nothing_about_a_key(team: Cast) -> None:
    """A19: two thousand tries each of a key that nobody has and of one that shares its beginning with
    somebody's; the database compares digests of the whole, so there is nothing to come nearer to."""
    known = team.key()

    def near() -> str:
        body = known[:40] + mint("live").plain[40:-6]
        return body + _check(body)

    def seconds(plain: str) -> float:
        began = time.perf_counter()
        with pytest.raises(AuthError):
            authenticate(plain, ip="192.0.2.1", agent="", door="openai")
        return time.perf_counter() - began

    pairs = [(seconds(near()), seconds(mint("live").plain)) for _ in range(2000)]
    close, random = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert abs(close - random) < 0.001


# ---- A20: over, or of the other mode -----------------------------------------------------------


def newest(cast: Cast) -> ApiKey:
    with tenant(cast.organization):
        return ApiKey.objects.of(cast.organization).latest("created_at")


def revoked(cast: Cast, admin: psycopg.Connection[Any], key: ApiKey) -> None:
    keys.revoke(key=key, reason="test", by=BY)


def expired(cast: Cast, admin: psycopg.Connection[Any], key: ApiKey) -> None:
    admin.execute("UPDATE accounts_apikey SET expires_at = now() WHERE id = %s", [key.pk])


def rotated(cast: Cast, admin: psycopg.Connection[Any], key: ApiKey) -> None:
    keys.rotate(key=key, grace=timedelta(0), by=BY)


def rotated_long_ago(cast: Cast, admin: psycopg.Connection[Any], key: ApiKey) -> None:
    keys.rotate(key=key, grace=timedelta(days=1), by=BY)
    admin.execute("UPDATE accounts_apikey SET previous_expires_at = now() WHERE id = %s", [key.pk])


def suspended(cast: Cast, admin: psycopg.Connection[Any], key: ApiKey) -> None:
    organizations.suspend(organization=cast.organization, reason="test", by=BY)


ENDS = (revoked, expired, rotated, rotated_long_ago, suspended)
SAID = {
    revoked: "key_disabled", expired: "key_expired", rotated: "auth_invalid", rotated_long_ago: "key_expired",
}  # fmt: skip
"""What the management API calls it."""


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_key_that_is_over_is_refused_at_every_door_on_the_next_request(
    url: str, superuser: psycopg.Connection[Any], end: Callable[..., None]
) -> None:
    """A20: nothing is remembered of a key between two requests, at no door."""
    cast = make_cast()
    cast.credit(20)
    attacker = Attacker(url, cast, cast.key(), Books(superuser, cast.organization))
    key = newest(cast)
    manager = Office(url, cast.key(scopes=("manage:read", "manage:write")))
    manager.get("keys")
    for way in DOORS.values():
        assert attacker.submit(way).status_code == 200
    attacker.books.settled()
    end(cast, superuser, key)
    before = attacker.state()
    for way in DOORS.values():
        answer = attacker.submit(way)
        assert answer.status_code in (400, 401, 403), (way.name, answer.text)
        sentence(answer)
    assert attacker.state() == before
    if end is suspended:
        manager.refused(403, "organization_suspended", "POST", "keys", json={"name": "x"})
    else:
        end(cast, superuser, newest(cast))
        manager.refused(401, SAID[end], "GET", "keys")


@pytest.fixture(scope="module")
def both(attacker: Attacker) -> dict[str, str]:
    """A finished generation of each mode, by the mode."""
    return {
        mode: attacker.submit(DOORS["openai"], key=key).headers["x-easel-generation"]
        for mode, key in (("live", attacker.key), ("test", attacker.cast.key("test")))
    }


def test_a_key_of_one_mode_sees_nothing_of_the_other(
    attacker: Attacker, both: dict[str, str], way: Way
) -> None:
    """A20: 404 both ways at every door, and the live wallet is not touched by a test."""
    tester, before = attacker.cast.key("test"), attacker.books.wallet()
    for mode, key in (("live", tester), ("test", attacker.key)):
        own = attacker.send("GET", way.reads.format(id=both["test" if mode == "live" else "live"]), key=key)
        assert own.status_code == 200, own.text
        answer = attacker.send("GET", way.reads.format(id=both[mode]), key=key)
        assert answer.status_code == 404, answer.text
        sentence(answer)
    made = attacker.submit(way, key=tester)
    eventually(lambda: attacker.books.generation(made.headers["x-easel-generation"])["state"] == "succeeded")
    assert attacker.books.wallet() == before


def test_the_management_api_keeps_the_modes_apart(attacker: Attacker, both: dict[str, str]) -> None:
    """A20 at `/api/v1/`: a management key is of one mode, too."""
    scopes = ("manage:read", "manage:write")
    for mode, other in (("live", "test"), ("test", "live")):
        manager = Office(attacker.url, attacker.cast.key(mode, scopes=scopes))
        assert manager.get(f"generations/{both[mode]}")["id"]
        manager.refused(404, "not_found", "GET", f"generations/{both[other]}")
