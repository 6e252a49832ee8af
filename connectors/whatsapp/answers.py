"""Reads what the Graph API answered to a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from connectors.whatsapp.errors import TABLE, outcome
from hub.contracts import Accepted, NotTaken, Outcome, Unclear

MAX_RETRY_AFTER_SECONDS: Final = 86_400.0
_SET_UP_SUBCODE: Final = 33
_CONTENT_CODE: Final = 100
_TOKEN_CODE: Final = 190
_OK: Final = 200
_TOO_MANY: Final = 429
_NOT_ALLOWED: Final = frozenset({401, 403})
_MESSAGE_ID: Final = re.compile(r"[!-~]{1,512}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def judge(status: int, headers: Mapping[str, str], body: bytes | None, *, attempt: int) -> Outcome:
    """Return what an answer means.

    Only a code of the table, a 401, 403 or 429 prove that the message was not taken; anything else that is no message
    id leaves it unclear, since no idempotency key protects a second attempt.
    """
    answer = _object(body)
    if status == _OK:
        found = _first(answer.get("messages")).get("id")
        if isinstance(found, str) and _MESSAGE_ID.fullmatch(found):
            return Accepted(found)
        return Unclear("WhatsApp answered 200 without a readable message id")
    wait = retry_after(headers)
    code = _code(answer.get("error"))
    known = None if code is None else outcome(code, attempt=attempt, retry_after_seconds=wait)
    if known is not None:
        return known
    if status == _TOO_MANY:
        return NotTaken("http_429", TABLE[130429].explanation_es, wait, scope="asset")
    if status in _NOT_ALLOWED and code is None:
        return NotTaken(f"http_{status}", TABLE[_TOKEN_CODE].explanation_es, wait, scope="credential")
    return Unclear(f"WhatsApp answered {status}" + (f" with the unknown code {code}" if code is not None else ""))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait; None when it does not say, or says it as a date."""
    given = headers.get("retry-after", "").strip()
    return min(float(given), MAX_RETRY_AFTER_SECONDS) if _SECONDS.fullmatch(given) else None


def error_code(value: object) -> int | None:
    """Return a provider's error code, which comes as a number or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


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


def _object(body: bytes | None) -> dict[str, Any]:
    try:
        found = from_json(body or b"", allow_inf_nan=False)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _first(value: object) -> dict[str, Any]:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}
