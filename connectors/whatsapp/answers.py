"""Reads what the Graph API answered to a message."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors._meta.bodies import error_code, read_object, retry_after
from connectors._meta.transport import Answer
from connectors.whatsapp.errors import TABLE, outcome
from hub.contracts import Accepted, NotTaken, Outcome, Unclear

_SET_UP_SUBCODE: Final = 33
_CONTENT_CODE: Final = 100
_TOKEN_CODE: Final = 190
_OK: Final = 200
_TOO_MANY: Final = 429
_NOT_ALLOWED: Final = frozenset({401, 403})
_MESSAGE_ID: Final = re.compile(r"[!-~]{1,512}", re.ASCII)


def judge(answer: Answer, *, attempt: int) -> Outcome:
    """Return what an answer means.

    Only a code of the table, a 401, 403 or 429 prove that the message was not taken; anything else that is no message
    id leaves it unclear, since no idempotency key protects a second attempt.
    """
    body = read_object(answer.body)
    if answer.status == _OK:
        found = _first(body.get("messages")).get("id")
        if isinstance(found, str) and _MESSAGE_ID.fullmatch(found):
            return Accepted(found)
        return Unclear("WhatsApp answered 200 without a readable message id")
    wait = retry_after(answer.headers)
    code = _code(body.get("error"))
    known = None if code is None else outcome(code, attempt=attempt, retry_after_seconds=wait)
    if known is not None:
        return known
    if answer.status == _TOO_MANY:
        return NotTaken("http_429", TABLE[130429].explanation_es, wait, scope="asset")
    if answer.status in _NOT_ALLOWED and code is None:
        return NotTaken(f"http_{answer.status}", TABLE[_TOKEN_CODE].explanation_es, wait, scope="credential")
    return Unclear(
        f"WhatsApp answered {answer.status}" + (f" with the unknown code {code}" if code is not None else "")
    )


def judge_sign(answer: Answer, effect_id: str, *, attempt: int) -> Outcome:
    """Return what an answer to a mark means; it makes nothing that could be named but the effect itself."""
    if answer.status == _OK and read_object(answer.body).get("success") is True:
        return Accepted(effect_id)
    return judge(answer, attempt=attempt)


def _code(error: object) -> int | None:
    if not isinstance(error, dict):
        return None
    code = error_code(error.get("code"))
    if code != _CONTENT_CODE:
        return code
    if error_code(error.get("error_subcode")) == _SET_UP_SUBCODE:
        return _SET_UP_SUBCODE
    # A wrong app secret comes under the code of a wrong parameter, yet it is the channel that is down.
    return _TOKEN_CODE if "appsecret_proof" in str(error.get("message", "")) else code


def _first(value: object) -> dict[str, Any]:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}
