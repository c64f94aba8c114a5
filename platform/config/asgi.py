"""One ASGI application of two halves: the doors, and Django's pages; and what must live as long as
the process: the crew that runs synchronous generations, the history's buffer."""

# ruff: noqa: E402 - Django is set up before its parts are imported

from __future__ import annotations

import asyncio
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

import structlog
from django.conf import settings

from config import boot
from config.pages import Pages
from generations import channels
from generations.crew import Crew, name_process
from generations.doors import pictures, uploads_page
from generations.doors.desk import House
from generations.doors.engine import Doors
from generations.doors.incoming import Receive, Scope, Send
from generations.doors.recorder import Recorder
from generations.doors.watch import Watch
from runtime import database

log = structlog.get_logger(__name__)


class Application:
    """Chooses the half by host and path, and answers the server's lifespan."""

    def __init__(self) -> None:
        self.pages = Pages()
        self.crew = Crew(name_process(), settings.EASEL.concurrency)
        self.recorder = Recorder()
        self.doors = Doors(House(self.crew, Watch()), self.recorder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if picked := self.doors.pick(scope):
            await self.doors.serve(picked, scope, receive, send)
        elif scope["path"].startswith("/i/"):
            await pictures.serve(scope, send)
        elif scope["path"].startswith("/u/"):
            await uploads_page.serve(scope, receive, send, self.doors.budget)
        else:
            await self.pages(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start(send)
            else:
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self, send: Send) -> None:
        """Refuse to serve where the walls would not hold."""
        problem = await database.run(boot.problem)
        if problem:
            await send({"type": "lifespan.startup.failed", "message": problem})
            return
        await database.run(channels.sync_environment)
        await asyncio.to_thread(channels.preload)  # seconds of imports that no first call should wait for
        self.recorder.start()
        await send({"type": "lifespan.startup.complete"})

    async def _stop(self) -> None:
        """Finish what runs, write what is buffered."""
        await self.crew.finish(settings.EASEL.stop_seconds)
        await channels.close_all()
        await self.recorder.stop()
        database.close()


application = Application()
