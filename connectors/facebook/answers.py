"""Reads what the Graph API answered to a message or a comment."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors._meta.bodies import error_code, read_object, retry_after
from connectors._meta.transport import Answer
from connectors.facebook.errors import COMMENT_GONE, TABLE, UNKNOWN_OBJECT, ErrorClass, ProviderError, find, outcome
from hub.contracts import Accepted, NotTaken, Outcome, Unclear

_PARAMETER: Final = 100
_TOKEN_CODE: Final = 190
_THROTTLE_CODE: Final = 613
_OK: Final = 200
_TOO_MANY: Final = 429
_NOT_ALLOWED: Final = frozenset({401, 403})
_ID: Final = re.compile(r"[!-~]{1,512}", re.ASCII)
PSID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)


def judge(answer: Answer, *, names: str, attempt: int, about_comment: bool) -> Outcome:
    """Return what an answer means.

    Only a code of the table, a 401, 403 or 429 prove that the message was not taken; anything else that is no id
    leaves it unclear, since no idempotency key protects a second attempt.

    Args:
        answer: What came back.
        names: The field that holds the id of what was made.
        attempt: Which attempt at the effect this was, from 1.
        about_comment: Whether an unknown object is the comment rather than the page.
    """
    body = read_object(answer.body)
    if answer.status == _OK:
        found = body.get(names)
        if isinstance(found, str) and _ID.fullmatch(found):
            return Accepted(found)
        return Unclear(f"Facebook answered 200 without a readable {names}")
    wait = retry_after(answer.headers)
    error = body.get("error")
    code, subcode = _codes(error)
    if code is not None:
        known = _row(code, subcode, error, about_comment=about_comment)
        if known is not None:
            name = str(code) if subcode is None else f"{code}/{subcode}"
            return outcome(known, name, attempt=attempt, retry_after_seconds=wait)
    if answer.status == _TOO_MANY:
        return NotTaken("http_429", TABLE[_THROTTLE_CODE].explanation_es, wait, scope="asset")
    if answer.status in _NOT_ALLOWED and code is None:
        return NotTaken(f"http_{answer.status}", TABLE[_TOKEN_CODE].explanation_es, wait, scope="credential")
    return Unclear(
        f"Facebook answered {answer.status}" + (f" with the unknown code {code}" if code is not None else "")
    )


def psid_in(answer: Answer) -> str | None:
    """Return the person whom a message reached, by the id of Messenger; a private reply is the first to tell it."""
    found = read_object(answer.body).get("recipient_id")
    return found if answer.status == _OK and isinstance(found, str) and PSID.fullmatch(found) else None


def _row(code: int, subcode: int | None, error: Any, *, about_comment: bool) -> ProviderError | None:
    if code == _PARAMETER and about_comment and subcode == UNKNOWN_OBJECT:
        return COMMENT_GONE
    known = find(code, subcode)
    # A wrong app secret comes under the code of a wrong parameter, yet it is the channel that is down.
    if known is not None and known.kind is ErrorClass.OURS and "appsecret_proof" in str(error.get("message", "")):
        return TABLE[_TOKEN_CODE]
    return known


def _codes(error: object) -> tuple[int | None, int | None]:
    if not isinstance(error, dict):
        return None, None
    return error_code(error.get("code")), error_code(error.get("error_subcode"))
