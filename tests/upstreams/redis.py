"""A broker at the wire: as much of Redis as django-q2 speaks, in memory, that dies and comes back empty.

Strict: a command that django-q2's broker does not need is an error, so that nobody relies on more.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, Self


class _Connection(socketserver.StreamRequestHandler):
    """One client, in the protocol's second version."""

    server: _Listener

    def handle(self) -> None:
        self.server.connected.add(self.connection)
        with contextlib.suppress(OSError, ValueError):
            while words := _command(self.rfile):
                self.wfile.write(_spelled(self.server.redis.answer(*words)))
        self.server.connected.discard(self.connection)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def __init__(self, redis: Redis, port: int) -> None:
        self.redis, self.connected = redis, set[socket.socket]()
        super().__init__(("127.0.0.1", port), _Connection)


def _command(stream: BufferedIOBase) -> list[bytes]:
    """The words of the next command; none at the end."""
    head = stream.readline()
    return [_word(stream) for _ in range(int(head[1:]))] if head else []


def _word(stream: BufferedIOBase) -> bytes:
    length = int(stream.readline()[1:])
    return stream.read(length + 2)[:length]


def _spelled(answer: Any) -> bytes:
    match answer:
        case None:
            return b"*-1\r\n"
        case int():
            return b":%d\r\n" % answer
        case str():
            return f"{answer}\r\n".encode()
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(answer), answer)
    return b"*%d\r\n" % len(answer) + b"".join(map(_spelled, answer))


class Redis:
    """Lists and values on a loopback port. `begin`, `die`, and `begin` again, empty, at the same port."""

    def __init__(self) -> None:
        self._lists: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._changed = threading.Condition()
        self._listener: _Listener | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    @property
    def url(self) -> str:
        """For EASEL_BROKER."""
        return f"redis://127.0.0.1:{self.port}/0?protocol=2"

    def begin(self) -> None:
        """Listen, with nothing kept."""
        self._lists.clear()
        self._listener = _Listener(self, self.port)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def die(self) -> None:
        """As if killed: nobody listens, and every connection is gone."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown()
        listener.server_close()
        for one in list(listener.connected):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Dead for the length of the block."""
        self.die()
        try:
            yield
        finally:
            self.begin()

    # ---- what it knows

    def answer(self, command: bytes, *words: bytes) -> Any:
        """What one command gives; an error for what it does not know."""
        match command.upper(), *words:
            case [b"PING"]:
                return "+PONG"
            case [b"CLIENT" | b"SELECT" | b"SET", *_]:
                return "+OK"
            case [b"RPUSH", name, value]:
                return self._push(name, value)
            case [b"BLPOP", name, seconds]:
                return self._pop(name, float(seconds))
            case [b"LLEN", name]:
                return len(self._lists[name])
        return f"-ERR unknown command '{command.decode()}'"

    def _push(self, name: bytes, value: bytes) -> int:
        with self._changed:
            self._lists[name].append(value)
            self._changed.notify_all()
            return len(self._lists[name])

    def _pop(self, name: bytes, seconds: float) -> list[bytes] | None:
        until = time.monotonic() + seconds
        with self._changed:
            while self._listener is not None:
                if self._lists[name]:
                    return [name, self._lists[name].pop(0)]
                if (left := until - time.monotonic()) <= 0:
                    return None
                self._changed.wait(left)
        return None
