"""What this installation adds to the rules of egress: its settings, and that it is nobody's target."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from django.conf import settings

from accounts.egress import callback_policy, fetch_policy
from config.parsing import S3Storage
from runtime.egress import EgressRefused, parse

THERE = {
    "url": "https://easel.example.com",
    "door_hosts": {"evolink.example.com:8443": "evolink"},
    "port": 8000,
}


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, **THERE))


def changed(monkeypatch: pytest.MonkeyPatch, **settings_: object) -> None:
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, **settings_))  # type: ignore[arg-type]


def test_pictures_come_by_https_and_by_http_where_it_is_asked_for() -> None:
    assert parse("https://ok.example.org/a", fetch_policy(10))
    assert parse("http://ok.example.org/a", fetch_policy(10, http=True))
    with pytest.raises(EgressRefused):
        parse("http://ok.example.org/a", fetch_policy(10))
    assert fetch_policy(10).max_bytes == 10


@pytest.mark.parametrize("url", ["http://ok.example.org/a", "https://ok.example.org:8443/a"])
def test_callbacks_go_by_https_to_its_own_port(url: str) -> None:
    assert parse("https://ok.example.org/a", callback_policy())
    with pytest.raises(EgressRefused):
        parse(url, callback_policy())


@pytest.mark.parametrize("host", ["easel.example.com", "EASEL.example.com.", "evolink.example.com"])
def test_ourselves_is_nobodys_target(host: str) -> None:
    for policy in (fetch_policy(10), callback_policy()):
        with pytest.raises(EgressRefused):
            parse(f"https://{host}/", policy)


def test_an_intranet_is_open_only_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fetch_policy(10).permits("10.1.2.3", 443)
    changed(monkeypatch, egress_allow=(ip_network("10.1.0.0/16"),))
    assert fetch_policy(10).permits("10.1.2.3", 443)
    assert callback_policy().permits("10.1.2.3", 443)
    assert not fetch_policy(10).permits("10.2.2.3", 443)


@pytest.mark.parametrize("env", ["development", "production"])
def test_a_test_port_is_open_in_tests_only(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(monkeypatch, test_egress=(("127.0.0.1", 9443),))
    assert callback_policy().permits("127.0.0.1", 9443)
    assert not callback_policy().permits("127.0.0.1", 9444)
    changed(monkeypatch, env=env)
    assert not callback_policy().permits("127.0.0.1", 9443)


def test_our_own_servers_stay_closed_even_to_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    database = int(settings.DATABASES["default"]["PORT"] or 5432)
    own = (8000, 6380, 9000, database)
    changed(
        monkeypatch,
        test_egress=tuple(("127.0.0.1", port) for port in own),
        broker="redis://127.0.0.1:6380/0",
        storage=S3Storage("bucket", endpoint="http://127.0.0.1:9000"),
    )
    for port in own:
        assert not fetch_policy(10).permits("127.0.0.1", port)
