"""The zero class: what no crash may ever leave behind, asked of the tables by SQL of its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from runtime import storage
from tests.faults.ground import Ground
from tests.house import ROOT

BROKEN = {
    "what is held is not the sum of the live generations": """
        SELECT w.organization_id FROM billing_wallet w WHERE w.held <> (
            SELECT coalesce(sum(g.count::bigint * g.image_tokens * g.unit_price), 0)
            FROM generations_generation g WHERE g.organization_id = w.organization_id AND g.mode = w.mode
            AND g.state IN ('queued', 'running'))""",
    "the wallet is not the replay of its entries": """
        SELECT w.organization_id FROM billing_wallet w CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN e.kind IN ('grant', 'refund') THEN e.amount
                                     WHEN e.kind = 'settle' THEN -e.amount ELSE 0 END), 0) AS posted,
                   coalesce(sum(CASE WHEN e.kind = 'hold' THEN e.amount
                                     WHEN e.kind IN ('settle', 'release') THEN -e.amount ELSE 0 END), 0)
                   AS held
            FROM billing_entry e WHERE e.organization_id = w.organization_id AND e.mode = w.mode) replayed
        WHERE (w.posted, w.held) <> (replayed.posted, replayed.held)""",
    "a generation without exactly one hold of its price": """
        SELECT g.id FROM generations_generation g WHERE 1 <> (
            SELECT count(*) FROM billing_entry e WHERE e.generation_id = g.id AND e.kind = 'hold'
            AND e.amount = g.count::bigint * g.image_tokens * g.unit_price)""",
    "a hold that is not closed exactly when its generation is final": """
        SELECT g.id FROM generations_generation g WHERE (
            SELECT coalesce(sum(e.amount), 0) FROM billing_entry e
            WHERE e.generation_id = g.id AND e.kind IN ('settle', 'release'))
            <> CASE WHEN g.state IN ('queued', 'running') THEN 0
                    ELSE g.count::bigint * g.image_tokens * g.unit_price END""",
    "a charge that is not the price of the stored images": """
        SELECT g.id FROM generations_generation g WHERE (
            SELECT coalesce(sum(e.amount), 0) FROM billing_entry e
            WHERE e.generation_id = g.id AND e.kind = 'settle')
            <> (SELECT count(*) FROM generations_output o WHERE o.generation_id = g.id)
               * g.image_tokens::bigint * g.unit_price""",
    "more than one settle": """
        SELECT generation_id FROM billing_entry WHERE kind = 'settle'
        GROUP BY generation_id HAVING count(*) > 1""",
    "a success without an attempt that succeeded, or with two": """
        SELECT g.id FROM generations_generation g WHERE g.state = 'succeeded' AND 1 <> (
            SELECT count(*) FROM generations_attempt a
            WHERE a.generation_id = g.id AND a.outcome = 'succeeded')""",
    "more lost attempts than tries": """
        SELECT generation_id FROM generations_attempt WHERE outcome NOT IN ('waited', 'handed_back')
        GROUP BY generation_id HAVING count(*) > 3""",
    "a failure by another attempt than the one that held the lease": """
        SELECT id FROM generations_generation WHERE ended_by IS NOT NULL AND ended_by <> attempt""",
    "a final state that was left again": """
        SELECT generation_id FROM generations_transition
        WHERE old_state IN ('succeeded', 'failed', 'cancelled')""",
}


def prove(ground: Ground, store: storage.Storage | None = None) -> None:
    """Check every invariant over all tables, and every image in `store` byte for byte."""
    broken = {name: rows for name, sql in BROKEN.items() if (rows := ground.rows(f"{sql} LIMIT 5"))}
    assert not broken, broken
    _prove_images(ground, store or storage.default())


def prove_calls(ground: Ground) -> None:
    """No prompt was asked of the upstream more often than an attempt at it was opened."""
    sql = """
        SELECT g.order ->> 'prompt', count(a.id) FROM generations_generation g
        JOIN generations_attempt a ON a.generation_id = g.id GROUP BY 1
    """
    opened = dict(ground.rows(sql))
    asked = {prompt: count for prompt, count in ground.google.calls.prompts.items() if prompt in opened}
    assert {prompt: count for prompt, count in asked.items() if count > opened[prompt]} == {}


def _prove_images(ground: Ground, store: storage.Storage) -> None:
    for key, size, digest in ground.rows("SELECT storage_key, bytes, sha256 FROM generations_output"):
        data = store.read(key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest), key


def prove_ledger(ground: Ground) -> None:
    """The product's own proof."""
    done = subprocess.run(
        [sys.executable, "manage.py", "prove_ledger"], cwd=ROOT, env=ground.servers.environ(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
