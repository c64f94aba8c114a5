"""Link tokens and small secrets survive a change of keys, and nothing else."""

from __future__ import annotations

import re

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from runtime.signing import SecretUnreadable, Signer, Vault

NEW, OLD = b"n" * 32, b"o" * 32
text = st.text(max_size=20)


def test_a_token_is_the_same_each_time_and_fits_a_url() -> None:
    token = Signer([NEW]).token("image", "018f", 1, "epoch")
    assert token == Signer([NEW, OLD]).token("image", "018f", 1, "epoch")
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", token)


def test_a_token_opens_what_it_was_made_for_and_nothing_else() -> None:
    signer = Signer([NEW])
    token = signer.token("image", "018f", 1)
    assert signer.verify(token, "image", "018f", 1)
    for purpose, *parts in [
        ("image", "018f", 2),
        ("image", "018e", 1),
        ("upload", "018f", 1),
        ("image", "018f"),
    ]:
        assert not signer.verify(token, purpose, *parts)


@given(st.lists(text, max_size=4), st.lists(text, max_size=4))
def test_no_two_lists_of_parts_share_a_token(first: list[str], second: list[str]) -> None:
    signer = Signer([NEW])
    assert (signer.token("p", *first) == signer.token("p", *second)) == (first == second)


@given(text)
def test_no_foreign_text_is_taken_for_a_token(guess: str) -> None:
    assert not Signer([NEW]).verify(guess, "image", "018f", 1)


@pytest.mark.parametrize("damage", ["", "=", "A", " ", "\n", "\ud800", "é"])
def test_a_damaged_token_is_refused(damage: str) -> None:
    signer = Signer([NEW])
    token = signer.token("image", 1)
    assert not signer.verify(damage, "image", 1)
    assert not signer.verify(token[1:] + damage, "image", 1)
    assert damage == "" or not signer.verify(token + damage, "image", 1)


def test_old_links_live_until_their_secret_is_removed() -> None:
    token = Signer([OLD]).token("image", 1)
    assert Signer([NEW, OLD]).verify(token, "image", 1)
    assert not Signer([NEW]).verify(token, "image", 1)
    assert Signer([NEW, OLD]).token("image", 1) != token


def test_an_empty_list_of_secrets_signs_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Signer([])
    with pytest.raises(ValueError, match="at least one"):
        Vault([])


@given(st.text(max_size=200, alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_secret_is_read_back_and_never_stands_in_its_own_text(secret: str) -> None:
    vault = Vault([Fernet.generate_key().decode()])
    kept = vault.encrypt(secret)
    assert vault.decrypt(kept) == secret
    assert kept.isascii()
    assert len(secret) < 8 or secret not in kept


def test_a_secret_outlives_a_new_key_but_not_the_removal_of_its_own() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    kept = Vault([old]).encrypt("sk-upstream")
    assert Vault([new, old]).decrypt(kept) == "sk-upstream"
    with pytest.raises(SecretUnreadable, match="EASEL_ENCRYPTION_KEYS"):
        Vault([new]).decrypt(kept)


@pytest.mark.parametrize("kept", ["", "nonsense", "gAAAA", "é"])
def test_a_damaged_secret_is_said_to_be_unreadable(kept: str) -> None:
    with pytest.raises(SecretUnreadable):
        Vault([Fernet.generate_key().decode()]).decrypt(kept)
