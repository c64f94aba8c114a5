"""The envelope of the files API: `{"success": false, "code": ..., "msg": ...}`."""

from __future__ import annotations

from collections.abc import Mapping

from generations.dialect import Answer, Incoming
from generations.errors import Problem
from generations.spec import Kind
from generations.wording import allow_headers, naming, retry_headers

PATH = "/api/v1/files"
TOO_LARGE, WRONG_TYPE, QUOTA, NOT_FETCHED = 40001, 40002, 40003, 40004
# What the desk says of a picture, in the vendor's codes.
CODES: Mapping[str, int] = {
    "quota": QUOTA,
    "not_an_image": WRONG_TYPE,
    "unsupported_media": WRONG_TYPE,
    "animated": WRONG_TYPE,
    "url_not_allowed": NOT_FETCHED,
    "fetch_failed": NOT_FETCHED,
    "timeout": NOT_FETCHED,
}


def concerns(request: Incoming) -> bool:
    """Whether the request is for the files API, also where its base URL brought a version along."""
    return f"{request.path}/".find(f"{PATH}/") >= 0


def word_file(problem: Problem, status: int) -> Answer:
    """The problem in the envelope. `status` is what the door says elsewhere; a code of 4000x has its
    own: 400, or 413 for a file that is too large."""
    code = TOO_LARGE if problem.kind is Kind.TOO_LARGE else CODES.get(str(problem.facts.get("reason")))
    if code is not None:
        status = 413 if code == TOO_LARGE else 400
    body = {"success": False, "code": code or status, "msg": naming(problem)}
    # A file that is not taken is not taken in a second either.
    headers = {} if code else retry_headers(problem) | allow_headers(problem)
    return Answer(status, body, headers)
