"""Field types that forgive whatever the hub can do without in a webhook of Meta."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import from_json

from hub.errors import Unreadable

BROKEN: Final = "\ufdd0"
"""Stands for half a surrogate pair; a code point that no text may hold."""

MAX_ID: Final = 512
MAX_NAME: Final = 256
MAX_LABEL: Final = 64

# An escape at a time, so that an escaped backslash before a "u" is not taken for the start of one.
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"[0-9]{12,14}", re.ASCII)


def word(value: object) -> str | None:
    """Return a short printable word, None for anything else: who lacks it can be told in other ways."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable():
        return value
    return None


def instant(value: object) -> datetime | None:
    """Return seconds or milliseconds since 1970 as an instant; None for what is no such number."""
    digits = word(value)
    if digits is None:
        return None
    if _MILLISECONDS.fullmatch(digits):
        return datetime.fromtimestamp(int(digits) / 1000, UTC)
    if not _SECONDS.fullmatch(digits) or int(digits) == 0:
        return None
    return datetime.fromtimestamp(int(digits), UTC)


def _id(value: object) -> str:
    found = word(value)
    if found is None:
        msg = f"no printable word of 1 to {MAX_ID} characters"
        raise ValueError(msg)
    return found


def name(value: object) -> str | None:
    """Return what people call something, cut to a sane length; None for what is no text."""
    if not isinstance(value, str) or BROKEN in value:
        return None
    return value.replace("\0", "")[:MAX_NAME].strip() or None


def _records(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


Id = Annotated[str, BeforeValidator(_id)]
Word = Annotated[str | None, BeforeValidator(word)]
Name = Annotated[str | None, BeforeValidator(name)]
Moment = Annotated[datetime | None, BeforeValidator(instant)]
Record = BeforeValidator(_record)
Records = BeforeValidator(_records)


class Payload(BaseModel):
    """Part of a webhook; fields that nobody knows are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


def entries(body: bytes, object_: str) -> list[Any]:
    """Return the entries of a webhook as plain data, each still to be judged by itself.

    Half a surrogate pair becomes ``BROKEN``, so that one item with it does not sink its neighbours.

    Raises:
        Unreadable: The body is no JSON, or no webhook of this product.
    """
    try:
        webhook = _json(body)
    except ValueError as error:
        # The parser's words name a place, never the text there.
        msg = f"the body is no JSON: {error}"
        raise Unreadable(msg) from None
    if not isinstance(webhook, dict):
        msg = "the body is no JSON object"
        raise Unreadable(msg)
    if webhook.get("object") != object_:
        msg = f"the webhook's object is {word(webhook.get('object')) or 'missing'!r}, not {object_!r}"
        raise Unreadable(msg)
    found = webhook.get("entry")
    if not isinstance(found, list) or not found:
        msg = "the webhook has no entry"
        raise Unreadable(msg)
    return found


def why(error: ValidationError) -> str:
    """Return what is wrong with an item, without any of its values."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)


def elements(holder: Mapping[str, Any], field: str) -> list[object]:
    """Return the elements of a list; what stands there without a list around it is its only element."""
    found = holder.get(field)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def label(value: object) -> str | None:
    """Return a provider's own name for something, fit for a log line."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(char if char.isprintable() else "?" for char in value[:MAX_LABEL])


def is_broken(raw: object) -> bool:
    """Tell whether a text anywhere within holds half a character."""
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and BROKEN in value:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
            waiting.extend(value)
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _json(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        marked = _ESCAPES.sub(lambda found: b"\\ufdd0" if found.group(1) else found.group(0), body)
        if marked == body:
            raise
        return from_json(marked, allow_inf_nan=False)
