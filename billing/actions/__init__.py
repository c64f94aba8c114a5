"""Verbs by people on money, each audited: the transfer itself is the ledger's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.auditing import Actor, record
from accounts.errors import InvalidValue, NotFound
from accounts.models import ApiKey, Organization
from billing import ledger
from billing.models import BalanceAlert, Budget
from billing.money import dollars, plain
from runtime import ids
from runtime.tenancy import tenant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def grant(
    *,
    organization: Organization,
    amount: int,
    reason: str,
    by: Actor,
    mode: str = "live",
    reference: str = "",
) -> bool:
    """Give an organization credit (nano-dollars). With a `reference` it can be said twice and is done
    once. Raises InvalidValue."""
    _require(amount > 0, "amount", "An amount must be above zero.")
    _require(bool(reason.strip()), "reason", "Say what the credit is for.")
    with tenant(organization):
        made = ledger.grant(
            organization=organization.pk,
            mode=mode,
            amount=amount,
            reference=reference or f"grant:{ids.uuid7()}",
            reason=reason,
            actor=by.label,
        )
        if made:
            _note(
                organization, "credit.grant", by, reason, {"amount_usd": plain(dollars(amount)), "mode": mode}
            )
    return made


def adjust(
    *,
    organization: Organization,
    amount: int,
    reason: str,
    by: Actor,
    mode: str = "live",
    reference: str = "",
) -> bool:
    """Correct a balance by a signed amount (nano-dollars). The reason shows to the team (B13).
    Raises InvalidValue, InsufficientCredit."""
    _require(amount != 0, "amount", "An adjustment must not be zero.")
    _require(bool(reason.strip()), "reason", "Say why the balance is adjusted.")
    with tenant(organization):
        made = ledger.adjust(
            organization=organization.pk,
            mode=mode,
            amount=amount,
            reference=reference or f"adjust:{ids.uuid7()}",
            reason=reason,
            actor=by.label,
        )
        if made:
            _note(
                organization,
                "credit.adjust",
                by,
                reason,
                {"amount_usd": plain(dollars(amount)), "mode": mode},
            )
    return made


def set_budget(
    *,
    organization: Organization,
    period: str,
    limit: int,
    by: Actor,
    mode: str = "live",
    key: UUID | None = None,
    alert_percent: int | None = None,
) -> Budget:
    """Limit what a key (or the whole organization) may spend in a period, in nano-dollars. What the
    running period has used already stays counted when a limit is changed. From `alert_percent` of the
    limit on, people are told once a period (0: never; None: as it was). Raises InvalidValue."""
    _require(limit > 0, "limit", "A budget must be above zero.")
    _require(period in Budget.Period.values, "period", "A period is day, week, month or total.")
    _require((alert_percent or 0) in range(100), "alert_percent", "An alert comes at 1 to 99 percent.")
    changed: dict[str, Any] = {"limit": limit, "alerted_window": None}
    if alert_percent is not None:
        changed["alert_percent"] = alert_percent or None
    with tenant(organization):
        known = key is None or ApiKey.objects.of(organization).filter(pk=key).exists()
        _require(known, "key", "There is no such key.")
        budget, _ = Budget.objects.of(organization).update_or_create(
            organization=organization,
            mode=mode,
            key_id=key,
            period=period,
            defaults=changed,
            create_defaults={**changed, "window": EPOCH},
        )
        after = {"period": period, "limit_usd": plain(dollars(limit)), "mode": mode, **_of(key)}
        if budget.alert_percent:
            after["alert_percent"] = str(budget.alert_percent)
        _note(organization, "budget.set", by, "", after)
    return budget


def delete_budget(*, organization: Organization, budget: UUID, by: Actor, mode: str = "live") -> None:
    """Lift a limit. Raises NotFound."""
    with tenant(organization):
        row = Budget.objects.of(organization).select_for_update().filter(mode=mode, pk=budget).first()
        if row is None:
            raise NotFound("There is no such budget.")
        row.delete()
        limit = plain(dollars(row.limit))
        before = {"period": row.period, "limit_usd": limit, "mode": mode, **_of(row.key_id)}
        _note(organization, "budget.delete", by, "", {}, before=before)


def set_alert(*, organization: Organization, threshold: int, by: Actor, mode: str = "live") -> BalanceAlert:
    """Tell this organization when its available balance falls below a threshold (nano-dollars); if it is
    below already, within a minute. Raises InvalidValue."""
    _require(threshold > 0, "threshold", "A threshold must be above zero.")
    with tenant(organization):
        alert, _ = BalanceAlert.objects.of(organization).update_or_create(
            organization=organization,
            mode=mode,
            defaults={"threshold": threshold, "lowest": None, "told_at": None},
        )
        after = {"threshold_usd": plain(dollars(threshold)), "mode": mode}
        _note(organization, "alert.set", by, "", after)
    return alert


def delete_alert(*, organization: Organization, by: Actor, mode: str = "live") -> None:
    """Tell it no more. Raises NotFound."""
    with tenant(organization):
        row = BalanceAlert.objects.of(organization).select_for_update().filter(mode=mode).first()
        if row is None:
            raise NotFound("There is no alert.")
        row.delete()
        before = {"threshold_usd": plain(dollars(row.threshold)), "mode": mode}
        _note(organization, "alert.delete", by, "", {}, before=before)


def _of(key: UUID | None) -> dict[str, str]:
    return {"key": str(key)} if key else {}


def _require(holds: bool, field: str, sentence: str) -> None:
    if not holds:
        raise InvalidValue(field, sentence)


def _note(
    organization: Organization,
    action: str,
    by: Actor,
    reason: str,
    after: dict[str, str],
    before: dict[str, str] | None = None,
) -> None:
    record(
        by=by,
        action=action,
        object_type="wallet",
        object_id=str(organization.pk),
        object_label=organization.slug,
        reason=reason,
        before=before,
        after=after,
        organization_id=organization.pk,
    )
