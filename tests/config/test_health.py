"""`/healthz`, `/readyz`, `/metrics`: they fail when what they speak of fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx2
import psycopg
import pytest

from generations import wakeups
from tests.house import Servers, wait_until


def test_a_living_process_says_so(servers: Servers) -> None:
    answer = httpx2.get(f"{servers.shared().url}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_ready_when_database_queue_and_storage_answer(servers: Servers) -> None:
    url = servers.shared().url
    wakeups.canary("easel-1")  # as the supervisor does every few seconds
    wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, seconds=40, pause=0.5)
    assert httpx2.get(f"{url}/readyz").json() == {"database": "ok", "queue": "ok", "storage": "ok"}


def test_not_ready_when_no_cluster_has_beaten_lately(servers: Servers, superuser: psycopg.Connection) -> None:
    url = servers.shared().url
    superuser.execute("UPDATE generations_beat SET at = at - interval '1 hour'")
    try:
        answer = httpx2.get(f"{url}/readyz")
        if answer.status_code == 200:  # a drain beat in between
            superuser.execute("UPDATE generations_beat SET at = at - interval '1 hour'")
            answer = httpx2.get(f"{url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["queue"].startswith("failed")
        assert answer.json()["database"] == "ok"
    finally:
        superuser.execute("UPDATE generations_beat SET at = clock_timestamp()")


@pytest.mark.slow
def test_not_ready_when_storage_is_gone(servers: Servers, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    web = servers.web(EASEL_STORAGE=f"file:{folder}")
    try:
        assert httpx2.get(f"{web.url}/readyz").json()["storage"] == "ok"
        shutil.rmtree(folder)
        folder.write_text("not a folder")
        answer = httpx2.get(f"{web.url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["storage"].startswith("failed")
    finally:
        web.kill()


def test_metrics_are_for_the_machine_itself(servers: Servers) -> None:
    url = servers.shared().url
    httpx2.get(f"{url}/openai/v1/models")
    near = httpx2.get(f"{url}/metrics")
    assert near.status_code == 200
    assert 'easel_door_seconds_count{door="openai",status="200"}' in near.text


def test_metrics_do_not_exist_for_a_stranger(database: str) -> None:
    from django.test import Client

    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 404
