"""Run by test_http.py in a network namespace where forbidden addresses really listen.

The policies are the production ones: only the test authority and the name server are replaced.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from runtime.egress import CALLBACK, FETCH, EgressRefused
from runtime.http import fetch, post
from tests.runtime.egress_corpus import PUBLIC, URLS, Authority, resolve

CANARIES = ("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: image/png\r\n\r\nok"
touched: list[object] = []


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    writer.close()


async def canary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    touched.append(writer.get_extra_info("sockname"))
    writer.close()


async def refused(call) -> None:
    try:
        await call
    except EgressRefused:
        return
    raise AssertionError("a forbidden URL was called")


async def main() -> None:
    authority = Authority(Path(tempfile.mkdtemp()))
    await asyncio.start_server(answer, PUBLIC, 443, ssl=authority.server("ok.example.com"))
    for address in CANARIES:
        for port in (80, 443, 8443):
            await asyncio.start_server(canary, address, port)
    ours = {"resolve": resolve, "ca_file": str(authority.file), "own_hosts": frozenset({"own.example.com"})}
    images, callbacks = replace(FETCH, **ours), replace(CALLBACK, **ours)
    assert (await fetch("https://ok.example.com/a.png", images)).data == b"ok"
    assert (await post("https://ok.example.com/hook", b"{}", {}, callbacks)).status == 200
    for template in URLS:
        for url in {
            template.format(port=443),
            template.format(port=443).replace("https:", "http:").replace(":443", ":80"),
        }:
            await refused(fetch(url, images))
            await refused(post(url, b"{}", {}, callbacks))
    assert not touched, touched


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.write("guarded")
