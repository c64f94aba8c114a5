"""The doors as one small ASGI application.

    request -> door -> body -> route -> key and rate -> desk -> dialect -> answer -> history

It is not Django's request cycle: no thread hop, no signal, no session. Whatever goes wrong is worded
by the dialect of the door, and every call leaves a row in the history.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace

import structlog
from django.conf import settings
from prometheus_client import Histogram

from accounts.admission import Caller, admit, authenticate
from accounts.errors import AuthError
from accounts.limits import Allowance
from generations import links, redaction
from generations.dialect import Answer, Dialect, Incoming, Route
from generations.dialects import DIALECTS
from generations.doors import incoming, sending
from generations.doors.auth import bare_keys, problem_of
from generations.doors.desk import CallersDesk, House
from generations.doors.dressing import dress
from generations.doors.incoming import BodyBudget, BodyShare, Disconnected, Receive, Scope, Send
from generations.doors.quoting import DryRun
from generations.doors.recorder import Recorder
from generations.doors.selection import Matched, Picked, RouteTable, Selection
from generations.doors.wishes import Wishes, read_wishes
from generations.errors import Problem
from generations.models import ApiRequest, Transcript
from generations.spec import Kind
from runtime import clock, database, ids, logs
from runtime.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

LATENCY = Histogram(
    "easel_door_seconds", "Time to answer at the doors.", ["door", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)  # fmt: skip
CLIENT_LEFT = 499
"""The status in the history of a request whose client went away before it was whole."""
HOME = "openai"


@dataclass(slots=True)
class Exchange:
    """One request on its way through the door."""

    scope: Scope
    headers: dict[str, str]
    dialect: Dialect
    request: Incoming
    row: ApiRequest
    began: float
    share: BodyShare
    caller: Caller | None = None
    allowance: Allowance | None = None
    desk: CallersDesk | None = None
    problem: Problem | None = field(default=None)


class Doors:
    """The application. `house` is what the desks share, `recorder` keeps the history."""

    def __init__(self, house: House, recorder: Recorder) -> None:
        self.house, self.recorder = house, recorder
        self.selection = Selection(DIALECTS, settings.EASEL.door_hosts, settings.EASEL.url)
        self.tables = {name: RouteTable(dialect) for name, dialect in DIALECTS.items()}
        self.budget = BodyBudget()

    def pick(self, scope: Scope) -> Picked | None:
        """The door of a request, or None if it is not for one."""
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        return self.selection.pick(scope.get("scheme", "http"), host, incoming.path_of(scope))

    async def serve(self, picked: Picked, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = self._begin(picked, scope)
        try:
            with logs.about(exchange.row.request_id):
                answer = await self._answer(exchange, picked, receive)
        except Disconnected:
            self._record(exchange, Answer(CLIENT_LEFT, b""), 0)
            return
        finally:
            exchange.share.give_back()
        sent = await sending.send_answer(answer, receive, send)
        self._record(exchange, answer, sent)

    def _begin(self, picked: Picked, scope: Scope) -> Exchange:
        headers = incoming.headers_of(scope)
        dialect = picked.dialect or picked.owner or DIALECTS[HOME]
        request = Incoming(
            method=scope["method"],
            path=picked.path,
            base=picked.base,
            headers=headers,
            query=incoming.query_of(scope),
            body=b"",
        )
        row = ApiRequest(
            id=ids.uuid7(),
            at=clock.utc_now(),
            request_id=incoming.request_id(headers),
            door=dialect.name,
            method=scope["method"][:8],
            path=incoming.shown_path(incoming.path_of(scope)),
            ip=incoming.address_of(scope, headers) or None,
            agent=incoming.shown(headers.get("user-agent", ""), 200),
        )
        return Exchange(scope, headers, dialect, request, row, time.perf_counter(), BodyShare(self.budget))

    async def _answer(self, exchange: Exchange, picked: Picked, receive: Receive) -> Answer:
        try:
            answer = await self._handle(exchange, picked, receive)
        except (Disconnected, GeneratorExit):
            raise
        except DryRun as rehearsed:
            answer = Answer(200, rehearsed.answer())
        except Exception as error:
            exchange.problem = _as_problem(error)
            answer = exchange.dialect.word(exchange.problem, exchange.request)
        dress(
            answer,
            request_id=exchange.row.request_id,
            allowance=exchange.allowance,
            problem=exchange.problem,
            report=answer.report or (exchange.desk.told if exchange.desk else None),
        )
        return answer

    async def _handle(self, exchange: Exchange, picked: Picked, receive: Receive) -> Answer:
        if picked.dialect is None:
            await self._find_home(exchange)
        matched = self.tables[exchange.dialect.name].match(exchange.request.method, exchange.request.path)
        if matched.params is None:
            await self._recognise(exchange)
            raise _nowhere(exchange, matched)
        route = self.tables[exchange.dialect.name].routes[matched.index]
        await self._admit(exchange, route)
        await self._read(exchange, receive, matched)
        exchange.desk = self._desk(exchange, route)
        return await route.handler(exchange.request, exchange.desk)

    async def _find_home(self, exchange: Exchange) -> None:
        """At the bare root the key says which door is meant; without one it is the default's."""
        for presented in bare_keys(exchange.request):
            if home := await self._home_of(exchange, presented):
                exchange.dialect, exchange.row.door = home, home.name
                return

    async def _home_of(self, exchange: Exchange, presented: str) -> Dialect | None:
        """The home door of a key. Lets nobody in: the door has its own forms of keys, and keys may be
        kept to some doors."""
        row = exchange.row
        try:
            caller = await database.run(
                lambda: authenticate(presented, ip=row.ip or "", agent=row.agent, door="", reading=True)
            )
        except AuthError:
            return None
        return DIALECTS.get(str(caller.home_door))

    async def _recognise(self, exchange: Exchange) -> None:
        """Whose wrong path it is, if his key says so: for his history and his share of the minute."""
        with contextlib.suppress(Problem):
            if presented := exchange.dialect.keys(exchange.request):
                await self._first_valid(exchange, presented)

    async def _admit(self, exchange: Exchange, route: Route) -> None:
        """Authenticate, count, check the scope. An open route needs no key, but honours one."""
        presented = exchange.dialect.keys(exchange.request)
        if not presented and route.open:
            return
        if not presented:
            raise Problem(Kind.AUTH_MISSING, "No API key was sent.")
        await self._first_valid(exchange, presented)
        assert exchange.caller is not None
        assert exchange.allowance is not None
        if not exchange.allowance.allowed:
            seconds = exchange.allowance.retry_after
            raise Problem(
                Kind.RATE_LIMITED,
                f"Rate limit exceeded: {exchange.allowance.limit} requests a minute. "
                f"Please retry after {seconds} seconds.",
                retry_after=seconds,
            )
        if not route.open and not exchange.caller.may(route.scope):
            raise Problem(Kind.FORBIDDEN, f"This API key does not carry the scope {route.scope}.")

    async def _first_valid(self, exchange: Exchange, presented: tuple[str, ...]) -> None:
        refused: AuthError | None = None
        for key in presented:
            try:
                await self._let_in(exchange, key)
            except AuthError as error:
                refused = refused or error
            else:
                return
        assert refused is not None
        raise problem_of(refused) from refused

    async def _let_in(self, exchange: Exchange, presented: str) -> None:
        row, door, reading = exchange.row, exchange.dialect.name, exchange.request.method == "GET"
        try:
            caller, exchange.allowance = await database.run(
                lambda: admit(presented, ip=row.ip or "", agent=row.agent, door=door, reading=reading)
            )
        except AuthError as error:
            row.organization_id, row.key_id = error.organization_id, error.key_id
            raise
        exchange.caller = caller
        row.organization_id, row.mode = caller.organization_id, caller.mode
        row.key_id, row.member_id = caller.key_id, caller.member_id

    async def _read(self, exchange: Exchange, receive: Receive, matched: Matched) -> None:
        limit = exchange.dialect.body_limit
        body = b""
        if exchange.request.method in ("POST", "PUT", "PATCH", "DELETE"):
            body = await incoming.read_body(receive, exchange.headers, limit, exchange.share)
        exchange.row.bytes_in = len(body)
        exchange.request = replace(exchange.request, body=body, params=matched.params or {})

    def _desk(self, exchange: Exchange, route: Route) -> CallersDesk:
        return CallersDesk(
            house=self.house,
            dialect=exchange.dialect,
            caller=exchange.caller,
            request=exchange.row,
            wishes=read_wishes(exchange.headers) if route.submits else Wishes(),
        )

    def _record(self, exchange: Exchange, answer: Answer, sent: int) -> None:
        row = exchange.row
        seconds = time.perf_counter() - exchange.began
        row.status, row.bytes_out, row.milliseconds = answer.status, sent, round(seconds * 1000)
        row.kind = exchange.problem.kind.value if exchange.problem else ""
        LATENCY.labels(row.door, str(answer.status)).observe(seconds)
        stored = exchange.desk is not None and exchange.desk.stored_request
        self.recorder.done(row, _said(exchange, answer), stored=stored)


def _said(exchange: Exchange, answer: Answer) -> Transcript | None:
    """Both bodies, for the organization whose call it was; an answer that was streamed is not kept."""
    row, request = exchange.row, exchange.request
    if row.organization_id is None:
        return None
    told = answer.report or (exchange.desk.told if exchange.desk else None)
    pictures = [links.path(told.id, image.number, image.mime) for image in told.images] if told else []
    return Transcript(
        id=row.id,
        organization_id=row.organization_id,
        mode=row.mode,
        at=row.at,
        sent=redaction.shown(request.body, request.media_type),
        answered=redaction.shown(answer.body, links=pictures) if isinstance(answer.body, bytes) else "",
    )


def _nowhere(exchange: Exchange, matched: Matched) -> Problem:
    """What to say where no route fits: the right methods, or the right base URL."""
    if matched.allowed:
        allowed = ", ".join(matched.allowed)
        return Problem(Kind.METHOD_NOT_ALLOWED, f"Use {allowed} here.", allowed=list(matched.allowed))
    base = f"{settings.EASEL.url}{exchange.dialect.prefixes[0]}"
    return Problem(
        Kind.NOT_FOUND,
        f"There is nothing at {exchange.request.method} {incoming.shown_path(exchange.request.path)}. "
        f"The base URL of this API is {base}.",
    )


def _as_problem(error: Exception) -> Problem:
    """Whatever happened, as something a door can word. Only the unexpected is logged with a trace."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, AuthError):
        return problem_of(error)
    if isinstance(error, DatabaseUnavailable):
        return Problem(
            Kind.OVERLOADED, "The service is not available right now. Try again shortly.", retry_after=3
        )
    log.exception("door.broke")
    return Problem(Kind.INTERNAL, "Something went wrong on our side. Nothing was charged.")
