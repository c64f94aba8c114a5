"""What a caller may look at and keep: the half of the desk that takes no order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts.admission import Caller
from accounts.errors import InvalidValue
from accounts.webhooks import addresses
from billing.standing import Standing, standing
from generations import catalogue, inputs, reports
from generations.dialect import Dialect
from generations.errors import Problem
from generations.handles import Handle, parse
from generations.spec import Balance, Delivered, Input, Kind, Listed, Offer, Report, Source, Upload, Wanted
from runtime import database, storage
from runtime.tenancy import tenant


@dataclass(slots=True)
class ReadingDesk:
    """Bound to a caller's key, organization and mode. `told` is the last report it gave out."""

    dialect: Dialect
    caller: Caller | None
    told: Report | None = field(default=None, init=False)
    _data: Mapping[str, bytes] = field(default_factory=dict, init=False)

    @property
    def organization(self) -> UUID | None:
        return self.caller.organization_id if self.caller else None

    async def offers(self) -> tuple[Offer, ...]:
        models = self.caller.models if self.caller else frozenset()
        known = catalogue.offers_if_known(self.dialect.name, models_allowed=models)
        if known is not None:
            return known
        return await database.run(lambda: catalogue.offers(self.dialect.name, models_allowed=models))

    async def page(self, wanted: Wanted) -> Listed:
        caller = self._caller()

        def read() -> Listed:
            with tenant(caller.organization_id):
                return reports.page(caller.organization_id, caller.mode, wanted)

        return await database.run(read)

    async def several(self, handles: Sequence[str]) -> tuple[Report, ...]:
        caller = self._caller()
        known = [found for handle in handles if (found := parse(handle))]

        def read() -> tuple[Report, ...]:
            with tenant(caller.organization_id):
                return reports.several(caller.organization_id, caller.mode, known)

        return await database.run(read)

    async def balance(self) -> Balance:
        caller = self._caller()

        def read() -> Standing:
            with tenant(caller.organization_id):
                return standing(caller.organization_id, caller.mode, caller.key_id)

        stands = await database.run(read)
        return Balance(stands.available, stands.used, caller.key_name, stands.key_limit, stands.key_used)

    async def report(self, generation: UUID) -> Report:
        return await self._look(Handle(id=generation))

    async def find(self, handle: str) -> Report:
        return await self._look(_known_form(handle))

    async def read(self, image: Delivered) -> bytes:
        if image.key in self._data:
            return self._data[image.key]
        try:
            return await storage.default().aread(image.key)
        except storage.Missing:
            raise Problem(Kind.GONE, "The image is no longer kept.") from None

    async def callback(self, url: str) -> None:
        try:
            await addresses.check(url)
        except InvalidValue as invalid:
            raise Problem(Kind.BAD_REQUEST, invalid.message, reason="url_not_allowed") from None

    async def take(self, sources: Sequence[Source]) -> tuple[Input, ...]:
        return await inputs.take(self._owner(), sources)

    async def upload(self, source: Source, *, name: str = "", path: str = "") -> Upload:
        return await inputs.upload(self._owner(), source, name=name, path=path)

    async def await_upload(self, mime: str) -> tuple[str, Upload]:
        return await inputs.await_upload(self._owner(), mime)

    async def uploads(self, skip: int, size: int) -> tuple[tuple[Upload, ...], int]:
        return await inputs.uploads(self._owner(), skip, size)

    async def read_upload(self, upload: UUID) -> tuple[Upload, bytes]:
        return await inputs.read_upload(self._owner(), upload)

    async def delete_upload(self, upload: UUID) -> None:
        await inputs.delete_upload(self._owner(), upload)

    # ---- steps -------------------------------------------------------------------------------

    def _owner(self) -> inputs.Owner:
        caller = self._caller()
        return inputs.Owner(caller.organization_id, caller.mode, caller.key_id)

    def _caller(self) -> Caller:
        if self.caller is None:
            raise Problem(Kind.AUTH_MISSING, "An API key is needed here.")
        return self.caller

    async def _look(self, handle: Handle) -> Report:
        self.told = await self._read_report(handle)
        return self.told

    async def _read_report(self, handle: Handle) -> Report:
        caller = self._caller()

        def read() -> Report:
            with tenant(caller.organization_id):
                row = reports.find(caller.organization_id, caller.mode, handle)
                if row is None:
                    raise Problem(Kind.NOT_FOUND, "There is no such task.")
                return reports.of(row)

        return await database.run(read)


def _known_form(handle: str) -> Handle:
    found = parse(handle)
    if found is None:
        raise Problem(Kind.BAD_REQUEST, "This is not the id of a task.", param="task_id")
    return found
