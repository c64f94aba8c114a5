"""The programs that make up Easel, as the supervisor and systemd start them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from config.environment import CLONE, Environment
from config.supervisor import Patience, Program

MANAGE = str(CLONE / "manage.py")


def _environ(**more: str) -> Mapping[str, str]:
    """Ours, without the administrator's address: serving needs none."""
    ours = {k: v for k, v in os.environ.items() if k not in ("DATABASE_ADMIN_URL", "EASEL_AS_OWNER")}
    return {**ours, "PYTHONPATH": f"{CLONE}{os.pathsep}{CLONE / 'platform'}", **more}


def web_command(environment: Environment) -> list[str]:
    """One ASGI process. The client's address and scheme are believed from trusted proxies only."""
    trusted = ",".join(map(str, environment.trusted_proxies))
    proxies = ["--proxy-headers", "--forwarded-allow-ips", trusted] if trusted else ["--no-proxy-headers"]
    return [
        *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
        *("--host", environment.host, "--port", str(environment.port)),
        *("--lifespan", "on", "--no-access-log", "--no-server-header"),
        *("--timeout-graceful-shutdown", f"{environment.stop_seconds:.0f}"),
        *proxies,
    ]


def web(environment: Environment) -> Program:
    return Program("web", web_command(environment), _environ(DJANGO_SETTINGS_MODULE="config.settings"))


def cluster(name: str) -> Program:
    """The workers of one cluster, which reads the queue of its name."""
    return Program(name, [sys.executable, MANAGE, "qcluster"], _environ(EASEL_CLUSTER=name), cluster=name)


def janitor() -> Program:
    return Program("janitor", [sys.executable, MANAGE, "janitor"], _environ())


def patience(environment: Environment) -> Patience:
    """The supervisor's waiting times, as the environment has them."""
    return Patience(environment.beat_seconds, environment.silence_seconds, environment.stop_seconds)
