"""`/report-key/`: whoever found a key may end it here, without a login (K13)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import limits
from accounts.actions import leaks
from accounts.api.leaks import MESSAGE, NOWHERE, PER_MINUTE
from accounts.auditing import Actor, ActorType
from accounts.forms.found_keys import ReportKeyForm
from accounts.origin import where


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form, and what follows: the same words for every key. At most 20 reports a minute from one
    address, counted together with those at the management API."""
    form = ReportKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _report(request, form)
    context = {"form": form, "thanks": MESSAGE if "thanks" in request.GET else ""}
    return render(request, "accounts/report_key.html", context)


def _report(request: HttpRequest, form: ReportKeyForm) -> HttpResponse:
    found = where(request)
    allowance = limits.count_address(found["ip"] or NOWHERE, PER_MINUTE)
    if not allowance.allowed:
        form.add_error(
            None, f"Too many reports from your address. Send this one in {allowance.retry_after} seconds."
        )
        answer = render(request, "accounts/report_key.html", {"form": form}, status=429)
        answer["Retry-After"] = str(allowance.retry_after)
        return answer
    finder = Actor(ActorType.SYSTEM, label="reported as leaked", **found)
    leaks.report(presented=form.cleaned_data["key"], place=form.cleaned_data["found_at"], by=finder)
    return redirect(f"{request.path}?thanks")
