"""Mail about what a team asks and an operator answers."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.mail import send_mail

from accounts.access import OperatorRole, Permission, allowed
from accounts.models import User

log = structlog.get_logger(__name__)


def operators(permission: Permission) -> list[str]:
    """The addresses of those who may do this, and the support address."""
    roles = [role.value for role in OperatorRole if allowed(role, permission)]
    found = User.objects.filter(is_active=True, is_staff=True, groups__name__in=roles)
    support = [settings.EASEL.support_email] if settings.EASEL.support_email else []
    return sorted({*found.values_list("email", flat=True), *support})


def send(subject: str, body: str, addresses: list[str]) -> None:
    """After the commit: what was asked and answered stands, whether or not the mail can leave."""
    if not addresses:
        log.warning("letters.nobody_to_tell", subject=subject)
        return
    try:
        send_mail(" ".join(subject.split()), body, None, addresses)
    except OSError:
        log.exception("letters.mail_failed")
