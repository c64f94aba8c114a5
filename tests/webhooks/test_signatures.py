"""A24: what the official verifier says of our signatures, and of everything else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.webhooks import signatures
from accounts.webhooks.signatures import Verdict

ROOT = Path(__file__).resolve().parents[2]
BODY = '{"id":"msg_1","data":"ü ✓"}'.encode()
VECTOR = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)


def signed(secret: str, body: bytes = BODY, age: timedelta = timedelta(0)) -> dict[str, str]:
    return signatures.headers("msg_1", datetime.now(UTC) - age, body, [secret])


def test_the_vector_of_the_specification() -> None:
    secret, message, at = VECTOR
    made = signatures.headers(message, datetime.fromtimestamp(at, UTC), b'{"test": 2432232314}', [secret])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_official_verifier_accepts_what_we_sign() -> None:
    secret = signatures.mint()
    assert Webhook(secret).verify(BODY, signed(secret)) == json.loads(BODY)


def test_it_refuses_another_body_id_time_or_secret() -> None:
    secret = signatures.mint()
    headers = signed(secret)
    forged = {
        "body": (secret, BODY + b" ", headers),
        "id": (secret, BODY, {**headers, "webhook-id": "msg_2"}),
        "time": (secret, BODY, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
        "secret": (signatures.mint(), BODY, headers),
    }
    for key, body, told in forged.values():
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, told)
        assert signatures.verdict([key], told, body) is Verdict.WRONG


@pytest.mark.parametrize("minutes", [6, -6])
def test_it_refuses_what_is_more_than_five_minutes_off(minutes: int) -> None:
    secret = signatures.mint()
    with pytest.raises(WebhookVerificationError, match=r"too (old|new)"):
        Webhook(secret).verify(BODY, signed(secret, age=timedelta(minutes=minutes)))


def test_a_secret_has_thirty_two_random_bytes() -> None:
    made = [signatures.mint() for _ in range(3)]
    assert len(set(made)) == 3
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}


@pytest.mark.parametrize("signature", ["", "v1", "v1,", "v1,%%%", "nonsense", "v2,abcd", "v1,a b"])
def test_a_broken_signature_is_wrong_and_never_an_error(signature: str) -> None:
    headers = {**signed(signatures.mint()), "webhook-signature": signature}
    assert signatures.verdict([signatures.mint()], headers, BODY) is Verdict.WRONG


def test_what_has_no_signature_is_unsigned() -> None:
    assert signatures.verdict([signatures.mint()], {"webhook-id": "x"}, BODY) is Verdict.UNSIGNED
    assert "webhook-signature" not in signatures.headers("msg_1", datetime.now(UTC), BODY, [])


# ---- the page that people read -----------------------------------------------------------------

PAGE = (ROOT / "docs/callbacks.md").read_text()


def snippet(language: str) -> str:
    """The verifier of the documentation, as it stands there."""
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def cases() -> list[tuple[bool, str, dict[str, str], bytes]]:
    secret = signatures.mint()
    other = {**signed(secret), "webhook-id": "msg_2"}
    both = signatures.headers("msg_1", datetime.now(UTC), BODY, [signatures.mint(), secret])
    return [
        (True, secret, signed(secret), BODY),
        (True, secret, both, BODY),
        (False, secret, signed(secret), BODY + b"x"),
        (False, secret, other, BODY),
        (False, signatures.mint(), signed(secret), BODY),
        (False, secret, signed(secret, age=timedelta(minutes=6)), BODY),
    ]


def test_the_documented_python_verifier_says_the_same() -> None:
    known: dict[str, object] = {}
    exec(snippet("python"), known)
    verify = known["verify"]
    assert callable(verify)
    for expected, secret, headers, body in cases():
        assert verify(secret, headers, body) is expected


def test_the_documented_node_verifier_says_the_same() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here")
    told = [[expected, secret, headers, body.decode()] for expected, secret, headers, body in cases()]
    program = f"{snippet('javascript')}\nfor (const [e, s, h, b] of {json.dumps(told)})" + (
        " if (verify(s, h, Buffer.from(b)) !== e) process.exit(1);"
    )
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_signature_is_what_the_page_says_it_is() -> None:
    secret = signatures.mint()
    headers = signed(secret)
    content = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), BODY))
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256)
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
