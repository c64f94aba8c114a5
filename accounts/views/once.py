"""Forms whose answer shows a secret: sent again, as by a reload, they make nothing and show nothing.

The secret itself is in that one answer, and in no session, address or other page.
"""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from runtime.ids import word

SENT: Final = "sent_once"
REMEMBERED: Final = 20
SHOWN: Final = "That form was sent before, and its secret was shown then. If you did not keep it, rotate it."


def fresh() -> dict[str, str]:
    """The initial values of a form with a hidden field `once`."""
    return {"once": word(20)}


def sent_before(request: HttpRequest, form: Form) -> HttpResponse | None:
    """The way to what this form has made already, if it has."""
    address = request.session.get(SENT, {}).get(form.cleaned_data["once"])
    if address is None:
        return None
    messages.info(request, SHOWN)
    return redirect(str(address))


def remember(request: HttpRequest, form: Form, address: str) -> None:
    """That this form has made its secret, and the page of what it belongs to."""
    sent = {**request.session.get(SENT, {}), form.cleaned_data["once"]: address}
    request.session[SENT] = dict(list(sent.items())[-REMEMBERED:])
