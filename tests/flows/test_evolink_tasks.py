"""EvoLink's tasks over HTTP: lists, batches, credits, cancelling, callbacks' addresses."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actions import keys
from billing import actions as billing
from tests.cast import BY, IMAGE, Cast
from tests.flows.evolink_client import SUBMIT, Client, picture
from tests.flows.wire import CLIENT, MODEL, OPENAI, Books

SLOW = "A lamp test:slow=20"


@pytest.fixture
def client(url: str, cast: Cast) -> Client:
    return Client(f"{url}/evolink", cast.key())


def ids(body: dict[str, Any]) -> list[str]:
    return [task["id"] for task in body["data"]]


def test_a_task_goes_from_pending_to_results_that_open(cast: Cast, client: Client, books: Books) -> None:
    cast.credit(2)
    made = client.submit(n=2, size="16:9")
    assert (made.json()["status"], made.headers["cache-control"]) == ("pending", "no-store")
    assert made.json()["usage"]["credits_reserved"] == 5.2632
    task = client.finished(made)
    assert [CLIENT.get(link).status_code for link in task["results"]] == [200, 200]
    assert task["usage"]["cost"] == {"credits": 5.2632, "usd": 0.0774, "cny": 0.52632}
    assert books.wallet() == (0, 0)


def test_tasks_are_listed_newest_first_with_filters_and_pages(cast: Cast, client: Client) -> None:
    cast.credit(6)
    done = [client.finished(client.submit())["id"] for _ in range(2)]
    failed = client.finished(client.submit(prompt="A lamp test:error=no_image"))["id"]
    waiting = client.submit(prompt=SLOW).json()["id"]
    cancelled = client.submit(prompt=SLOW).json()["id"]
    assert client.call("POST", f"/v1/tasks/{cancelled}/cancel").status_code == 200

    def listed(query: str = "") -> dict[str, Any]:
        answer = client.call("GET", f"/v1/tasks{query}")
        assert answer.headers["cache-control"] == "no-store"
        return dict(answer.json())

    everything = [cancelled, waiting, failed, done[1], done[0]]
    assert (ids(listed()), listed()["total"]) == (everything, 5)
    assert ids(listed("?status=completed")) == [done[1], done[0]]
    assert ids(listed("?status=processing")) == [waiting]
    assert ids(listed("?status=failed")) == [failed]
    assert ids(listed("?status=cancelled")) == [cancelled]
    assert ids(listed("?type=video")) == []
    assert ids(listed("?model=nano-banana-beta")) == everything
    second = listed("?page=2&page_size=2")
    assert (ids(second), second["total"], second["page"]) == (everything[2:4], 5, 2)
    client.call("POST", f"/v1/tasks/{waiting}/cancel")


def test_a_batch_has_the_tasks_that_are_ones_own(url: str, cast: Cast, client: Client) -> None:
    cast.credit(1)
    billing.grant(organization=cast.strangers, amount=IMAGE, reason="test", by=BY)
    mine = client.finished(client.submit())
    stranger = Client(f"{url}/evolink", cast.strangers_key())
    foreign = stranger.submit().json()["id"]
    unknown = "task-unified-1763683747-zzzzzzzz"
    answer = client.call("POST", "/v1/tasks/batch", json={"task_ids": [foreign, mine["id"], unknown, "x"]})
    assert answer.json() == {"data": [mine]}


def test_a_task_of_another_door_is_told_at_this_doors_rate(url: str, cast: Cast, client: Client) -> None:
    cast.credit(1)
    made = OPENAI.post(url, client.key)
    (task,) = client.call("GET", "/v1/tasks").json()["data"]
    assert (task["model"], task["status"], task["credits_used"]) == (MODEL, "completed", 2.6316)
    read = client.call("GET", f"/v1/tasks/{made.headers['x-easel-generation']}").json()
    assert read["usage"]["cost"]["credits"] == 2.6316


def test_credits_tell_the_wallet_and_the_keys_own_budget(url: str, cast: Cast, client: Client) -> None:
    cast.credit(3)
    row, plain = keys.create(organization=cast.organization, mode="live", name="budget", by=BY)
    billing.set_budget(organization=cast.organization, period="total", limit=2 * IMAGE, by=BY, key=row.pk)
    limited = Client(client.base, plain)
    limited.finished(limited.submit())
    assert limited.call("GET", "/v1/credits").json() == {
        "data": {
            "token": {"remaining_credits": 2.6316, "unlimited_credits": False, "used_credits": 2.6316},
            "user": {"remaining_credits": 5.2632, "used_credits": 2.6316},
        },
        "message": "",
        "success": True,
    }
    token = client.call("GET", "/v1/credits").json()["data"]["token"]
    assert token == {"remaining_credits": 5.2632, "unlimited_credits": True, "used_credits": 0}


def test_cancelling_releases_the_hold_and_can_cancel_tells_the_truth(
    cast: Cast, client: Client, books: Books
) -> None:
    cast.credit(1)
    made = client.submit(prompt=SLOW).json()
    assert made["task_info"]["can_cancel"] is True
    cancelled = client.call("POST", f"/v1/tasks/{made['id']}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("failed", "request_cancelled")
    assert cancelled["task_info"] == {"can_cancel": False}
    assert client.call("GET", f"/v1/tasks/{made['id']}").json() == cancelled
    assert books.wallet() == (IMAGE, 0)


@pytest.mark.parametrize("method, path", [("GET", "/v1/tasks/{}"), ("POST", "/v1/tasks/{}/cancel")])
def test_a_stranger_is_told_what_is_told_of_a_task_that_does_not_exist(
    url: str, cast: Cast, client: Client, method: str, path: str
) -> None:
    cast.credit(1)
    made = client.submit(prompt=SLOW).json()["id"]
    unknown = made[:-8] + "zzzzzzzz"
    stranger = Client(f"{url}/evolink", cast.strangers_key())
    answers = [stranger.call(method, path.format(one)) for one in (made, unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    assert answers[0].json()["error"]["code"] == "task_not_found"
    client.call("POST", f"/v1/tasks/{made}/cancel")


# ---- the callback's address ------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["http://example.com/hook", "https://127.0.0.1/hook", "https://[::1]/", "https://169.254.169.254/",
     "https://example.com:8443/", "https://u:p@example.com/", "https://example.com/" + "x" * 2048],
    ids=lambda address: address[:32],
)  # fmt: skip
def test_a_callback_that_may_not_be_called_is_refused_and_nothing_is_held(
    cast: Cast, client: Client, books: Books, address: str
) -> None:
    cast.credit(1)
    answer = client.submit(callback_url=address)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_request", "callback_url")
    assert not books.generations()
    assert books.wallet() == (IMAGE, 0)


def test_a_callback_is_kept_with_its_order(cast: Cast, client: Client, books: Books) -> None:
    cast.credit(1)
    address = "https://8.8.8.8/" + "x" * (2048 - len("https://8.8.8.8/"))
    made = client.submit(prompt=SLOW, callback_url=address)
    assert made.status_code == 200, made.text
    assert books.only()["callback_url"] == address
    client.call("POST", f"/v1/tasks/{made.json()['id']}/cancel")


# ---- bounds ----------------------------------------------------------------------------------

MODELS: list[tuple[str, str, int, int]] = [
    # model, its ratios, characters of a prompt, pictures
    (MODEL, "1:1 2:3 3:2 4:3 3:4 16:9 9:16", 1000, 5),
    ("nano-banana-beta", "1:1 2:3 3:2 4:3 3:4 16:9 9:16", 1000, 5),
    ("gemini-3-pro-image-preview", "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9", 2000, 10),
    (
        "gemini-3.1-flash-image-preview",
        "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 1:4 4:1 1:8 8:1",
        2000,
        14,
    ),
]
OTHER_RATIOS = ["7:4", "2:1"]
ALL_RATIOS = [*MODELS[-1][1].split(), *OTHER_RATIOS]


@pytest.mark.parametrize(("model", "ratios", "characters", "pictures"), MODELS)
def test_each_models_documented_bounds_hold_exactly(
    cast: Cast, client: Client, books: Books, model: str, ratios: str, characters: int, pictures: int
) -> None:
    """Under the bound and over it, by dry runs: the same checks, and nothing is ordered."""
    cast.credit(100)
    taken = [r for r in ALL_RATIOS if client.rehearse(model=model, size=r).status_code == 200]
    assert sorted(taken) == sorted(ratios.split())
    assert client.rehearse(model=model, size="auto").status_code == 200
    for count, status in ((1, 200), (4, 200), (5, 400), (0, 400)):
        assert client.rehearse(model=model, n=count).status_code == status
    for length, status in ((characters, 200), (characters + 1, 400)):
        assert client.rehearse(model=model, prompt="x" * length).status_code == status
    over = client.rehearse(model=model, image_urls=["https://example.com/a.png"] * (pictures + 1))
    assert (over.status_code, over.json()["error"]["param"]) == (400, "image_urls")
    assert not books.generations()


def test_as_many_pictures_as_are_documented_are_taken(cast: Cast, client: Client, books: Books) -> None:
    cast.credit(1)
    link = client.kept(picture())["file_url"]
    assert client.finished(client.submit(image_urls=[link] * 5))["status"] == "completed"
    assert len(books.only()["order"]["inputs"]) == 5


def test_model_params_and_a_quality_the_model_lacks_are_said_and_strictly_refused(
    cast: Cast, client: Client
) -> None:
    cast.credit(1)
    body = {"model": MODEL, "prompt": "A lamp", "quality": "4K", "model_params": {"seed": 7}}
    headers = {"X-Easel-Strict": "true"}
    strict = client.call("POST", SUBMIT, json=body, headers=headers)
    assert (strict.status_code, strict.json()["error"]["code"]) == (400, "invalid_request")
    made = client.call("POST", SUBMIT, json=body)
    assert made.headers["x-easel-adjusted"] == "quality 4K -> 1K; model_params -> left out"
