"""What became of a batch: counted, and line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Max, Sum

from accounts.models import Organization
from generations.models import Batch, BatchItem, Generation, Output
from generations.spec import State
from runtime.tenancy import tenant

LIVE = ("waiting", State.QUEUED.value, State.RUNNING.value)
_REFUSED = {BatchItem.State.REFUSED.value: State.FAILED.value}


@dataclass(slots=True)
class Progress:
    """A batch with its lines counted by state: waiting, queued, running, succeeded, failed, cancelled.
    `tokens` and `cost` (nano-dollars) are what was charged so far."""

    batch: Batch
    counts: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    cost: int = 0
    finished_at: datetime | None = None

    @property
    def live(self) -> int:
        return sum(self.counts[state] for state in LIVE)

    @property
    def state(self) -> str:
        """running, completed, cancelling or cancelled."""
        if self.batch.cancelled_at is not None:
            return "cancelling" if self.live else "cancelled"
        return "running" if self.live else "completed"


@dataclass(frozen=True, slots=True)
class Fate:
    """One line: its state, and the generation it became with its images."""

    item: BatchItem
    state: str
    kind: str
    message: str
    generation: Generation | None
    outputs: tuple[Output, ...] = ()


def page(organization: Organization | UUID, mode: str, *, before: UUID | None, size: int) -> list[Batch]:
    """Up to `size` batches, newest first, those before a batch's id."""
    with tenant(organization):
        rows = Batch.objects.of(organization).filter(mode=mode)
        if before is not None:
            rows = rows.filter(id__lt=before)
        return list(rows.order_by("-id")[:size])


def find(organization: Organization | UUID, mode: str, batch: UUID) -> Batch | None:
    with tenant(organization):
        return Batch.objects.of(organization).filter(mode=mode, pk=batch).first()


def progress(organization: Organization | UUID, batches: Sequence[Batch]) -> list[Progress]:
    """All of them, counted in one query."""
    found = {batch.pk: Progress(batch) for batch in batches}
    with tenant(organization):
        items = BatchItem.objects.of(organization).filter(batch__in=found)
        delivered = F("generation__delivered") * F("generation__image_tokens")
        rows = items.values("batch_id", "state", "generation__state").annotate(
            count=Count("id"),
            tokens=Sum(delivered),
            cost=Sum(delivered * F("generation__unit_price")),
            last=Max("generation__finished_at"),
        )
        for row in rows.order_by():
            _add(found[row["batch_id"]], row)
    for one in found.values():
        one.finished_at = one.finished_at if not one.live else None
    return list(found.values())


def _add(told: Progress, row: Mapping[str, object]) -> None:
    state = _state(str(row["state"]), row["generation__state"])
    told.counts[state] += int(str(row["count"]))
    told.tokens += int(str(row["tokens"] or 0))
    told.cost += int(str(row["cost"] or 0))
    last = row["last"]
    if isinstance(last, datetime):
        told.finished_at = max(told.finished_at or last, last)


def _state(item: str, generation: object) -> str:
    return str(generation) if generation else _REFUSED.get(item, item)


def fates(organization: Organization | UUID, batch: Batch, *, after: int, size: int) -> list[Fate]:
    """Up to `size` lines with what became of them, in their order, those after a line's number."""
    with tenant(organization):
        items = BatchItem.objects.of(organization).filter(batch=batch, number__gt=after)
        rows = list(items.select_related("generation").defer("body").order_by("number")[:size])
        outputs = _outputs(organization, rows)
    return [_fate(row, outputs) for row in rows]


def _outputs(organization: Organization | UUID, rows: Iterable[BatchItem]) -> Mapping[UUID, list[Output]]:
    found: defaultdict[UUID, list[Output]] = defaultdict(list)
    made = [row.generation.pk for row in rows if row.generation and row.generation.delivered]
    if made:
        outputs = Output.objects.of(organization).filter(generation_id__in=made)
        for output in outputs.order_by("number"):
            found[output.generation_id].append(output)
    return found


def _fate(item: BatchItem, outputs: Mapping[UUID, list[Output]]) -> Fate:
    generation = item.generation
    if generation is None:
        return Fate(item, _state(item.state, None), item.kind, item.message, None)
    kept = tuple(outputs.get(generation.pk, ()))
    return Fate(item, generation.state, generation.kind, generation.message, generation, kept)
