"""What the description shows as examples."""

from __future__ import annotations

from typing import Any

ID = "0192f0c1-7a00-7000-8000-000000000004"
IMAGE = {
    "number": 0,
    "url": f"https://easel.example.com/i/{ID}/0.png?t=Zm94",
    "mime": "image/png",
    "width": 1024,
    "height": 1024,
    "bytes": 1650000,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
GENERATION: dict[str, Any] = {
    "id": ID,
    "handles": {
        "evolink": "task-unified-1732104000-k3f9a2zq",
        "openai": ID,
        "toapis": "task_img_0abc123def456ghi789jkl00",
        "gemini": "AZLwwXoAcACAAAAAAAAABA",
        "gmi": "0192f0c1-7a00-4000-8000-000000000004",
    },
    "state": "succeeded",
    "kind": "",
    "message": "",
    "mode": "live",
    "dialect": "openai",
    "model": "gemini-2.5-flash-image",
    "prompt": "A red fox in the snow",
    "count": 1,
    "delivered": 1,
    "ratio": "1:1",
    "resolution": "1K",
    "key_id": "0192f0c1-7a00-7000-8000-000000000003",
    "member_id": None,
    "request_id": "q3J8",
    "tokens": 1290,
    "cost_usd": "0.0387",
    "held_usd": "0.0387",
    "progress": 100,
    "estimated_seconds": 0,
    "can_cancel": False,
    "created_at": "2026-11-20T12:00:00Z",
    "started_at": "2026-11-20T12:00:00Z",
    "finished_at": "2026-11-20T12:00:08Z",
    "expires_at": "2026-12-20T12:00:08Z",
    "images": [IMAGE],
}
CONTEST = {
    "state": "open",
    "reason": "The lower half is grey",
    "created_at": "2026-11-20T12:05:00Z",
    "answer": "",
    "decided_at": None,
}
WHOLE = {
    **GENERATION,
    "contest": None,
    "attempts": [
        {
            "number": 1,
            "provider": "gemini",
            "upstream_model": "gemini-2.5-flash-image",
            "outcome": "succeeded",
            "kind": "",
            "started_at": "2026-11-20T12:00:00Z",
            "upstream_at": "2026-11-20T12:00:00Z",
            "finished_at": "2026-11-20T12:00:08Z",
            "images": 1,
            "surplus": 0,
        }
    ],
    "ledger": [
        {
            "id": 4711,
            "created_at": "2026-11-20T12:00:08Z",
            "kind": "settle",
            "amount_usd": "0.0387",
            "tokens": 1290,
            "reason": "",
        }
    ],
    "timeline": [{"at": "2026-11-20T12:00:00Z", "event": "state", "text": "queued", "seconds": 0.0}],
}
REQUEST = {
    "id": "0192f0c1-7a00-7000-8000-000000000006",
    "at": "2026-11-20T12:00:00Z",
    "request_id": "q3J8",
    "door": "openai",
    "method": "POST",
    "path": "/openai/v1/images/generations",
    "status": 200,
    "kind": "",
    "generation_id": ID,
    "replayed": False,
    "milliseconds": 8123,
    "bytes_in": 104,
    "bytes_out": 2200341,
    "key_id": "0192f0c1-7a00-7000-8000-000000000003",
    "member_id": None,
    "ip": "203.0.113.7",
    "agent": "OpenAI/Python 3.52.0",
}
MODEL = {
    "model": "gemini-2.5-flash-image",
    "title": "Gemini 2.5 Flash Image",
    "description": "Fast pictures and edits.",
    "token_usd": "0.00003",
    "names": {
        "openai": ["gemini-2.5-flash-image"],
        "evolink": ["gemini-2.5-flash-image", "nano-banana-beta"],
    },
    "max_count": 10,
    "max_references": 16,
    "sizes": [
        {
            "resolution": "1K",
            "ratio": "1:1",
            "width": 1024,
            "height": 1024,
            "tokens": 1290,
            "cost_usd": "0.0387",
        }
    ],
}
BATCH = {
    "id": "0192f0c1-7a00-7000-8000-000000000007",
    "name": "Foxes",
    "mode": "live",
    "state": "running",
    "key_id": "0192f0c1-7a00-7000-8000-000000000003",
    "size": 1000,
    "counts": {"waiting": 900, "queued": 80, "running": 10, "succeeded": 10, "failed": 0, "cancelled": 0},
    "tokens": 12900,
    "cost_usd": "0.387",
    "created_at": "2026-11-20T12:00:00Z",
    "deadline_at": "2026-11-22T12:00:00Z",
    "cancelled_at": None,
    "finished_at": None,
}
ITEM = {
    "line": 1,
    "custom_id": "fox-1",
    "dialect": "openai",
    "state": "succeeded",
    "kind": "",
    "message": "",
    "generation_id": ID,
    "tokens": 1290,
    "cost_usd": "0.0387",
    "images": [IMAGE],
}
