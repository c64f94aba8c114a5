"""F13: a store that says 200 and keeps half an object is never paid for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.parsing import S3Storage
from runtime import storage
from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program
from tests.runtime.test_storage import ACCESS, SECRET, Fault, Rclone, fault

BUCKET, PREFIX, REGION = "pictures", "kept", "us-east-1"


@dataclass
class Place:
    """A bucket behind a proxy that may do harm, and the bucket itself."""

    proxy: Fault
    store: storage.Storage


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root: Path = tmp_path_factory.mktemp("rclone")
    server = Rclone(root)
    server.client.create_bucket(Bucket=BUCKET)
    with pytest.MonkeyPatch.context() as patch, fault(server) as proxy:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        plain = S3Storage(BUCKET, PREFIX, server.endpoint, REGION, path_style=True)
        yield Place(proxy, storage.open_storage(plain))
    server.stop()


@pytest.fixture(scope="module")
def web(ground: Ground, place: Place) -> Program:
    where = f"s3://{BUCKET}/{PREFIX}?endpoint={place.proxy.endpoint}&region={REGION}&path_style=1"
    ground.environ["EASEL_STORAGE"] = where
    return ground.started(clusters=1)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def test_a_truncated_image_is_not_charged_and_is_stored_whole_when_the_store_is_well_again(
    ground: Ground, web: Program, customer: Customer, place: Place, trial: int
) -> None:
    place.proxy.damage = lambda body: body[: len(body) // 2]
    seen = place.proxy.seen
    prompt = f"half of it {trial}"
    made = customer.submit(web, prompt)
    ground.until(lambda: place.proxy.seen >= seen + 8)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert ground.state(made) == "running"
        assert ground.entries(made) == ["hold"]
        time.sleep(0.1)

    place.proxy.damage = None
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.entries(made) == ["hold", "settle"]
    assert ground.calls(prompt) == 1, "the image was put again, not drawn again"
    prove(ground, place.store)
    prove_calls(ground)


def test_a_store_that_is_away_for_a_while_costs_no_second_call(
    ground: Ground, web: Program, customer: Customer, place: Place
) -> None:
    place.proxy.refusals = 10
    made = customer.submit(web, "the store is away")
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.calls("the store is away") == 1
    prove(ground, place.store)
