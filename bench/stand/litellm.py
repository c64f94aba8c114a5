"""LiteLLM beside us, when it is installed in its own environment: its proxy with a master key only, no
database, no spend rows; its best case."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx2

from bench.stand.rig import ROOT, Rig, pin
from tests.house import Program, free_port, wait_until

KEY = "sk-bench"
PLACES = (os.environ.get("EASEL_BENCH_LITELLM", ""), str(ROOT / ".litellm"))


def home() -> Path | None:
    """Its environment: EASEL_BENCH_LITELLM, else `.litellm` in the checkout."""
    return next((Path(place) for place in PLACES if place and (Path(place) / "bin/litellm").exists()), None)


def version(place: Path) -> str:
    code = "import importlib.metadata as m; print(m.version('litellm'))"
    return subprocess.run(
        [str(place / "bin/python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def start(stand: Rig, place: Path, upstream: str) -> Program:
    """The proxy on the first core, ready to answer; its model is the same upstream's."""
    port = free_port()
    config = stand.servers.folder / f"litellm-{port}.yaml"
    config.write_text(json.dumps(_config(upstream)))
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(stand.servers.folder), "LITELLM_MASTER_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "GEMINI_API_KEY": "bench",
    }  # fmt: skip
    command = [
        str(place / "bin/litellm"),
        "--config",
        str(config),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    program = stand.servers.start("litellm", command, environ, f"http://127.0.0.1:{port}")
    wait_until(lambda: _answers(f"{program.url}/health/liveliness"), program, seconds=120)
    pin(program)
    return program


def _config(upstream: str) -> dict[str, object]:
    model = {"model": "gemini/gemini-2.5-flash-image", "api_base": upstream + "/v1beta", "api_key": "bench"}
    return {
        "model_list": [{"model_name": "gemini-2.5-flash-image", "litellm_params": model}],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "general_settings": {"master_key": KEY},
    }


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=1).status_code == 200
    except httpx2.HTTPError:
        return False
