"""The form of a key: arithmetic only."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from accounts import keys
from accounts.errors import AuthError, AuthReason


@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_key_has_the_published_form(mode: str) -> None:
    minted = keys.mint(mode)
    assert re.fullmatch(rf"easel_{mode}_[0-9A-Za-z]{{48}}", minted.plain)
    assert re.fullmatch(keys.PATTERN, minted.plain)
    assert minted.plain.startswith(f"easel_{mode}_{minted.public_id}")
    assert minted.plain.endswith(minted.last_four)
    assert len(minted.digest) == 32
    assert keys.well_formed(minted.plain)


def test_the_checksum_is_the_crc_32_of_all_before_it() -> None:
    assert keys.well_formed("easel_test_" + "0" * 42 + "3TtKZt")
    assert not keys.well_formed("easel_test_" + "0" * 42 + "3TtKZu")


def test_a_single_changed_letter_is_noticed_wherever_it_is() -> None:
    plain = keys.mint("live").plain
    for place, letter in enumerate(plain):
        other = "x" if letter != "x" else "y"
        assert not keys.well_formed(plain[:place] + other + plain[place + 1 :])


def test_two_swapped_letters_are_noticed() -> None:
    plain = keys.mint("live").plain
    for place in range(11, len(plain) - 1):
        first, second = plain[place], plain[place + 1]
        if first != second:
            assert not keys.well_formed(plain[:place] + second + first + plain[place + 2 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "easel_live_",
        "sk-1234",
        "Bearer easel_live_",
        "easel_live_" + "é" * 48,
        "easel_live_" + "٣" * 48,
        "x" * 100_000,
    ],
)
def test_what_is_no_key_is_told_apart(text: str) -> None:
    assert not keys.well_formed(text)


def test_white_space_around_a_key_does_not_belong_to_it() -> None:
    plain = keys.mint("test").plain
    assert not keys.well_formed(plain + "\n")
    assert not keys.well_formed(" " + plain)


def test_no_key_and_no_valid_key_are_two_reasons() -> None:
    with pytest.raises(AuthError) as missing:
        keys.require_well_formed("")
    assert missing.value.reason == AuthReason.MISSING
    with pytest.raises(AuthError) as invalid:
        keys.require_well_formed("easel_live_nonsense")
    assert invalid.value.reason == AuthReason.INVALID
    assert "nonsense" not in invalid.value.message


def test_a_rotated_key_keeps_its_public_id_and_gets_a_new_secret() -> None:
    first = keys.mint("live")
    second = keys.mint("live", public_id=first.public_id)
    assert second.public_id == first.public_id
    assert second.plain[:21] == first.plain[:21]
    assert second.plain[21:] != first.plain[21:]
    assert second.digest != first.digest


def test_printing_a_minted_key_does_not_show_its_secret() -> None:
    minted = keys.mint("live")
    assert minted.plain not in f"{minted} {minted!r}"
    assert minted.digest.hex() not in repr(minted)


def test_all_listed_peppers_are_tried_and_the_newest_makes_new_digests(settings: Any) -> None:
    old, new = b"o" * 32, b"n" * 32
    settings.EASEL = replace(settings.EASEL, key_peppers=(old,))
    minted = keys.mint("live")
    settings.EASEL = replace(settings.EASEL, key_peppers=(new, old))
    newest, oldest = keys.digests(minted.plain)
    assert oldest == (minted.digest, minted.pepper)
    assert newest[0] != minted.digest
    assert newest[1] != minted.pepper
    assert keys.mint("live").pepper == newest[1]


def test_a_pepper_keeps_its_number_when_others_come_and_go(settings: Any) -> None:
    peppers = tuple(bytes([letter]) * 32 for letter in b"abc")
    numbers = []
    for listed in (peppers[2:], peppers[1:], peppers, peppers[:2]):
        settings.EASEL = replace(settings.EASEL, key_peppers=listed)
        numbers.append(dict(zip(listed, (number for _, number in keys.digests("any")), strict=True)))
    assert numbers[0][peppers[2]] == numbers[1][peppers[2]] == numbers[2][peppers[2]]
    assert numbers[1][peppers[1]] == numbers[3][peppers[1]]
    assert all(0 <= number <= 32767 for number in numbers[2].values())
