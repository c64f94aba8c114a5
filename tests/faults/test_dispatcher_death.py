"""F27 and C.6: a dispatcher dies between sending and writing down; callbacks through real programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.faults.ground import MODEL, Customer, Ground
from tests.house import Program
from tests.receivers import Authority, Receiver, in_turn, receiver, status

LAPSE = """
    UPDATE accounts_outboxmessage SET next_at = clock_timestamp(), claimed_until = clock_timestamp()
    WHERE state = 'pending'
"""
DELIVERIES = """
    SELECT d.started_at, d.ended_at, d.status FROM accounts_delivery d
    JOIN accounts_outboxmessage m ON m.id = d.message_id WHERE m.generation_id = %s ORDER BY d.number
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, Path]]:
    """A receiver on loopback, and the file that makes a program trust it."""
    authority = Authority.made(tmp_path_factory.mktemp("authority"))
    with receiver(authority) as made:
        yield made, authority.file


@pytest.fixture(scope="module")
def environ(there: tuple[Receiver, Path]) -> dict[str, str]:
    made, file = there
    return {"EASEL_TEST_EGRESS": f"127.0.0.1:{made.port}", "SSL_CERT_FILE": str(file)}


@pytest.fixture(scope="module")
def web(ground: Ground, environ: dict[str, str]) -> Program:
    ground.cluster("easel-1")
    return ground.web(EASEL_TEST_EGRESS=environ["EASEL_TEST_EGRESS"])


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


@pytest.fixture
def calm(there: tuple[Receiver, Path]) -> Receiver:
    """The receiver, with nothing arrived yet."""
    made, _ = there
    made.answer = status(200)
    made.arrived.clear()
    return made


def submit(web: Program, customer: Customer, url: str, prompt: str = "A lamp") -> httpx2.Response:
    return httpx2.post(
        f"{web.url}/evolink/v1/images/generations",
        json={"model": MODEL, "prompt": prompt, "callback_url": url},
        headers={"Authorization": f"Bearer {customer.key}"},
        timeout=30,
    )


def made(answer: httpx2.Response) -> UUID:
    assert answer.status_code == 200, answer.text
    return UUID(answer.headers["x-easel-generation"])


def state(ground: Ground, generation: UUID) -> Any:
    return ground.one("SELECT state FROM accounts_outboxmessage WHERE generation_id = %s", generation)


def test_a_dispatcher_that_dies_after_sending_sends_again_with_the_same_id(
    ground: Ground, web: Program, customer: Customer, calm: Receiver, environ: dict[str, str], turn: int
) -> None:
    generation = made(submit(web, customer, f"https://127.0.0.1:{calm.port}/hook"))
    ground.until(lambda: ground.state(generation) == "succeeded")
    doomed = ground.janitor(FAILPOINTS="dispatch.after_send", **environ)
    ground.until(lambda: doomed.ended)
    assert "failpoint dispatch.after_send" in doomed.output()
    assert state(ground, generation) == "pending"
    assert ground.rows(DELIVERIES, generation) == []
    ground.run(LAPSE)
    healthy = ground.janitor(EASEL_URL=web.url, **environ)
    ground.until(lambda: state(ground, generation) == "delivered")
    ground.end(healthy)
    assert len(calm.arrived) == 2, "at most two copies for one death"
    assert len(set(calm.ids)) == 1
    assert calm.arrived[0].body == calm.arrived[1].body


def test_two_failures_then_a_success_through_the_real_programs(
    ground: Ground, web: Program, customer: Customer, calm: Receiver, environ: dict[str, str]
) -> None:
    calm.answer = in_turn(status(500), status(502), status(200))
    janitor = ground.janitor(EASEL_URL=web.url, **environ)
    generation = made(submit(web, customer, f"https://127.0.0.1:{calm.port}/hook"))
    ground.until(lambda: state(ground, generation) == "delivered")
    ground.end(janitor)
    tries = ground.rows(DELIVERIES, generation)
    assert [code for *_, code in tries] == [500, 502, 200]
    pauses = [(later[0] - before[1]).total_seconds() for before, later in pairwise(tries)]
    assert pauses[0] >= 1
    assert pauses[1] >= 2
    query = httpx2.get(
        f"{web.url}/evolink/v1/tasks/{generation}",
        headers={"Authorization": f"Bearer {customer.key}"},
        timeout=30,
    )
    assert calm.arrived[0].body == query.content, "the body of the callback is the body of the query"


def test_a_callback_in_test_mode_comes_from_the_sandbox_and_leaves_no_other_trace(
    ground: Ground, web: Program, customer: Customer, calm: Receiver, environ: dict[str, str]
) -> None:
    tester = Customer(customer.cast, customer.cast.key("test"))
    janitor = ground.janitor(EASEL_URL=web.url, **environ)
    url = f"https://127.0.0.1:{calm.port}/hook"
    quiet = made(submit(web, tester, url, "test:webhook500"))
    told = made(submit(web, tester, url, "test:block"))
    ground.until(lambda: state(ground, told) == "delivered")
    ground.until(lambda: state(ground, quiet) == "dead")
    ground.end(janitor)
    assert [code for *_, code in ground.rows(DELIVERIES, quiet)] == [500] * 4
    assert len(calm.arrived) == 1


BAD = [
    "http://127.0.0.1:{port}/", "https://127.0.0.1:1/", "https://localhost/", "https://10.0.0.1/",
    "https://169.254.169.254/", "https://ok.example.com/\r\nX-Evil: 1", "https://ok.example.com/\t",
    "https://ok.example.com/{long}", "https://a@ok.example.com/", "{web}/inbox/nobody",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_a_callback_url_that_we_may_not_call_is_refused_and_leaves_nothing(
    ground: Ground, web: Program, customer: Customer, calm: Receiver, url: str
) -> None:
    """J11, A04, A25: 400 in EvoLink's words, no generation, no connection."""
    before = ground.one("SELECT count(*) FROM generations_generation")
    answer = submit(web, customer, url.format(port=calm.port, long="x" * 2048, web=web.url))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "callback_url"), error
    assert ground.one("SELECT count(*) FROM generations_generation") == before
    assert calm.arrived == []
