"""The doctor: each line is green when all is well, and another colour, with a remedy, when it is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from billing import seals
from config import doctor
from config.doctor import Colour, Finding
from generations import beats
from generations.models import Channel
from runtime import storage
from runtime.signing import encrypt
from runtime.storage.files import Files
from runtime.tenancy import operator
from tests.cast import give_credit, make_cast
from tests.house import Servers, free_port
from tests.upstreams import openai


@pytest.fixture(autouse=True)
def _database(quiet_database: str) -> None:
    """One in which nobody beats or seals but we."""


def looked(name: str) -> list[Finding]:
    return doctor._made(name, doctor.CHECKS[name])


def only(name: str) -> Finding:
    (finding,) = looked(name)
    return finding


@pytest.fixture
def ours(settings: Any) -> Iterator[Any]:
    """Changes what the environment said, for one test."""
    before = settings.EASEL

    def change(**fields: Any) -> None:
        settings.EASEL = replace(before, **fields)

    yield change
    settings.EASEL = before


@pytest.mark.parametrize("name", ["database", "roles", "migrations", "clock", "storage", "broker", "mail"])
def test_what_every_installation_needs_is_green_here(name: str) -> None:
    finding = only(name)
    assert (finding.colour, finding.remedy) == (Colour.GREEN, ""), finding


def test_a_powerful_login_is_red(quiet_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.boot, "problem", lambda: "The database login is a superuser, so ...")
    finding = only("roles")
    assert (finding.colour, "setup_database" in finding.remedy) == (Colour.RED, True)


def test_a_migration_that_did_not_run_is_red(quiet_database: str) -> None:
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        row = admin.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)"
            " RETURNING app, name, applied"
        ).fetchone()
        assert row
        finding = only("migrations")
        admin.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)
    assert (finding.colour, row[1] in finding.says) == (Colour.RED, True)


def test_a_clock_that_is_wrong_is_told_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.utc_now
    for seconds, colour in ((0.2, Colour.GREEN), (3, Colour.AMBER), (60, Colour.RED)):
        monkeypatch.setattr(doctor, "utc_now", lambda late=seconds: real() - doctor.timedelta(seconds=late))
        assert only("clock").colour is colour


def test_a_store_that_cannot_be_written_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    broken = Files(tmp_path / "file")
    monkeypatch.setattr(storage, "default", lambda: broken)
    finding = only("storage")
    assert finding.colour is Colour.RED
    assert finding.remedy


def test_links_must_lead_here(ours: Any, servers: Servers) -> None:
    ours(url=servers.shared().url)
    assert only("links").colour is Colour.GREEN
    ours(url=f"http://127.0.0.1:{free_port()}")
    assert only("links").colour is Colour.AMBER
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        ours(url=f"http://127.0.0.1:{somebody_else.getsockname()[1]}")
        answer_once(somebody_else, b"HTTP/1.0 200 OK\r\n\r\nhello")
        assert only("links").colour is Colour.RED


def answer_once(server: socket.socket, words: bytes) -> None:
    import threading

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(words)

    threading.Thread(target=answer, daemon=True).start()


def test_silent_clusters_are_red(quiet_database: str) -> None:
    assert "No cluster has beaten yet" in only("heartbeats").says
    beats.beat("easel-1", "drain", "here")
    assert only("heartbeats").colour is Colour.GREEN
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        admin.execute("UPDATE generations_beat SET at = at - interval '5 minutes'")
    finding = only("heartbeats")
    assert (finding.colour, "silent" in finding.says) == (Colour.RED, True)


def test_a_janitor_that_does_not_seal_is_red(quiet_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give_credit(make_cast().organization, 1)
    assert only("janitor").colour is Colour.GREEN
    monkeypatch.setattr(doctor, "UNSEALED_SECONDS", -1)
    finding = only("janitor")
    assert (finding.colour, "janitor" in finding.remedy) == (Colour.RED, True)
    seals.seal_all()
    assert only("janitor").colour is Colour.GREEN


def test_mail_that_goes_nowhere_is_told(ours: Any, settings: Any) -> None:
    ours(env="production")
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert only("mail").colour is Colour.AMBER
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert only("mail").colour is Colour.RED


def test_what_a_proxy_needs(ours: Any) -> None:
    ours(env="production", url="http://easel.example.com")
    assert only("proxy").colour is Colour.RED
    ours(env="production", url="https://easel.example.com")
    assert only("proxy").colour is Colour.AMBER
    ours(env="production", url="https://easel.example.com", trusted_proxies=(ip_network("10.0.0.0/8"),))
    assert only("proxy").colour is Colour.GREEN
    ours(egress_allow=(ip_network("10.1.0.0/16"),))
    assert [finding.colour for finding in looked("proxy")] == [Colour.GREEN, Colour.AMBER]


def test_each_channel_is_asked_about_its_key_and_its_models(ours: Any) -> None:
    assert only("channels").colour is Colour.GREEN  # the sandbox draws
    ours(env="production")
    assert only("channels").colour is Colour.RED
    with openai.Upstream.in_thread() as upstream:
        with operator():
            well = add("well", upstream, openai.KEY)
            add("ill", upstream, "a-key-that-was-revoked")
            Channel.objects.create(name="off", provider="openai", enabled=False)
        colours = {finding.name: finding for finding in looked("channels")}
        with operator():
            Channel.objects.filter(pk=well.pk).update(health="misconfigured")
        again = {finding.name: finding for finding in looked("channels")}
    assert [colours[f"channel {name}"].colour for name in ("well", "ill", "off")] == ["green", "red", "amber"]
    assert "a-key-that-was-revoked" not in colours["channel ill"].says
    assert again["channel well"].remedy == "Mark it healthy in the admin."
    assert upstream.calls == []


def add(name: str, upstream: openai.Upstream, key: str) -> Channel:
    row = Channel.objects.create(name=name, provider="openai", base_url=upstream.url, credential=encrypt(key))
    row.serves.create(model_id="gemini-2.5-flash-image", upstream_model=openai.GPT)
    return row


def test_a_check_that_cannot_be_made_is_a_finding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        raise RuntimeError("out of order")
        yield

    monkeypatch.setitem(doctor.CHECKS, "storage", broken)
    finding = only("storage")
    assert (finding.colour, finding.says) == (Colour.RED, "RuntimeError: out of order")


def test_the_command_ends_with_one_when_something_is_red(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding("database", Colour.GREEN, "answers"), Finding("mail", Colour.AMBER, "nobody", "Set it.")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    call_command("doctor")
    printed = capsys.readouterr().out
    assert "green" in printed
    assert "Set it." in printed
    found.append(Finding("broker", Colour.RED, "away", "Start it."))
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", json=True)
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert told["findings"][2] == {"name": "broker", "colour": "red", "says": "away", "remedy": "Start it."}
