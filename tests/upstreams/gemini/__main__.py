"""`python -m tests.upstreams.gemini --port N`: the stub as a process, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from tests.upstreams.gemini import KEY, Upstream


async def serve(port: int, key: str) -> None:
    async with Upstream(port, key) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", default=KEY, help="the API key it takes")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.port, options.key))


if __name__ == "__main__":
    main()
