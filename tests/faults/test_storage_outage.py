"""F12: a store that is away for a minute loses nothing, and no image is bought twice."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.parsing import S3Storage
from runtime import storage
from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program
from tests.runtime.test_storage import ACCESS, SECRET, Fault, Rclone, _Relay, fault

BUCKET, PREFIX, REGION = "pictures", "kept", "us-east-1"
OUTAGES = {"503": 60.0, "hang": 20.0, "reset": 20.0}
"""How it is away, and for how many seconds."""
UNHURRIED = {"EASEL_SLICE_SECONDS": "20", "EASEL_STOP_SECONDS": "130"}
"""An attempt must be allowed to outlast the outage."""


class Away(_Relay):
    """Passes everything on, except while the store is `away` in one of three ways."""

    def answer(self) -> None:
        how = getattr(self.server, "away", "")
        if how == "503":
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_error(503)
        elif how:
            self.drop(hanging=how == "hang")
        else:
            self.relay()

    def drop(self, *, hanging: bool) -> None:
        """No answer; at last a connection that is reset."""
        ends = time.monotonic() + 15
        while hanging and getattr(self.server, "away", "") and time.monotonic() < ends:
            time.sleep(0.1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    do_GET = do_PUT = do_HEAD = do_DELETE = answer


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fault]:
    root: Path = tmp_path_factory.mktemp("rclone")
    server = Rclone(root)
    server.client.create_bucket(Bucket=BUCKET)
    with pytest.MonkeyPatch.context() as patch, fault(server) as proxy:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        proxy.RequestHandlerClass = Away
        yield proxy
    server.stop()


@pytest.fixture(scope="module")
def store(proxy: Fault) -> storage.Storage:
    return storage.open_storage(S3Storage(BUCKET, PREFIX, proxy.rclone.endpoint, REGION, path_style=True))


@pytest.fixture(scope="module")
def web(ground: Ground, proxy: Fault) -> Program:
    where = f"s3://{BUCKET}/{PREFIX}?endpoint={proxy.endpoint}&region={REGION}&path_style=1"
    ground.environ |= {"EASEL_STORAGE": where, **UNHURRIED}
    return ground.started(clusters=1)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("how", OUTAGES)
def test_what_was_drawn_waits_for_the_store_and_is_bought_once(
    ground: Ground, web: Program, proxy: Fault, store: storage.Storage, how: str, turn: int
) -> None:
    customer = Customer.with_credit()
    proxy.away = how  # type: ignore[attr-defined]
    ends = time.monotonic() + OUTAGES[how]
    prompts = [f"kept in memory {how} {turn} {number}" for number in range(4)]
    made = [customer.submit(web, prompt) for prompt in prompts]
    try:
        ground.until(lambda: all(ground.calls(prompt) for prompt in prompts))
        while time.monotonic() < ends:
            assert {ground.state(generation) for generation in made} == {"running"}
            assert all(ground.entries(generation) == ["hold"] for generation in made)
            time.sleep(1)
    finally:
        proxy.away = ""  # type: ignore[attr-defined]
    ground.until(lambda: all(ground.state(generation) == "succeeded" for generation in made), 40)
    assert [ground.calls(prompt) for prompt in prompts] == [1] * 4
    assert [ground.attempts(generation) for generation in made] == [["succeeded"]] * 4
    prove(ground, store)
    prove_calls(ground)
