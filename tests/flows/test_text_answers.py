"""Answers in words are free, and no way to use the model as a free writer."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.flows.five import OPENAI, WAYS, Wish
from tests.flows.wire import Books, eventually


@pytest.mark.slow
def test_a_key_that_collects_words_instead_of_pictures_is_slowed_down(
    url: str, cast: Cast, books: Books
) -> None:
    cast.credit(2)
    talker, painter = cast.key(), cast.key()
    for turn in range(20):
        answer = OPENAI.post(url, talker, Wish(f"Tell me a story {turn} test:error=no_image"))
        assert answer.status_code == 500, answer.text

    def slowed() -> bool:
        return OPENAI.post(url, talker, Wish("And another test:error=no_image")).status_code == 429

    assert eventually(slowed)
    for way in WAYS:
        refused = way.post(url, talker, Wish())
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert "20 answers without an image" in refused.text
    assert OPENAI.post(url, painter, Wish()).status_code == 200
    assert {row["kind"] for row in books.settled() if row["state"] == "failed"} == {"no_image"}
