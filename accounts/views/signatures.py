"""The signature tester: whether a message verifies, and what is wrong if it does not."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts import outbox
from accounts.access import Permission
from accounts.forms.webhooks import TesterForm
from accounts.models.webhooks import Signed
from accounts.shell import TeamRequest, team_page
from accounts.webhooks import signatures, tester
from runtime.clock import utc_now
from runtime.errors import RuntimeProblem

CALLBACKS = "callbacks"


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
def signature(request: TeamRequest) -> HttpResponse:
    """Whether a message verifies with the secrets of one signer, and what is wrong if it does not."""
    signers = _signers(request)
    names = [(name, title) for name, (title, _) in signers.items()]
    form = TesterForm(request.POST or None, signers=names, initial={"signer": request.GET.get("signer", "")})
    finding = ""
    if request.method == "POST" and form.is_valid():
        finding = _judge(form, signers[form.cleaned_data["signer"]][1])
    return render(
        request, "accounts/webhooks/signature.html", {"form": form, "finding": finding, "signers": names}
    )


def _signers(request: TeamRequest) -> dict[str, tuple[str, Signed]]:
    """What this team signs with in this mode, by the word in the form."""
    team = request.team
    found: dict[str, tuple[str, Signed]] = {
        str(row.pk): (f"{row} · {row.url}" if row.description else row.url, row)
        for row in outbox.endpoints(team.organization, team.mode)
    }
    own = outbox.callback_secret(team.organization, team.mode)
    return {**found, CALLBACKS: ("Callbacks to orders' own URLs", own)} if own else found


def _judge(form: TesterForm, signer: Signed) -> str:
    now, given = utc_now(), form.cleaned_data
    try:
        secrets = signatures.secrets_of(signer, now)
    except RuntimeProblem:
        return "unreadable_secret"
    return str(
        tester.judge(
            secrets,
            webhook_id=given["webhook_id"],
            timestamp=given["timestamp"],
            body=given["body"],
            signature=given["signature"],
            now=now,
        )
    )
