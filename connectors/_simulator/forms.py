"""Reads multipart forms, as uploads come."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser
from typing import Any

Part = tuple[bytes, str, str | None]


class NoFormError(Exception):
    """The body is no multipart form."""


def parts(content_type: str, body: bytes) -> dict[str, Part]:
    """Return the parts of a form by name: content, type, file name.

    Raises:
        NoFormError: The body is declared as something else.
    """
    if not content_type.startswith("multipart/form-data"):
        msg = "The content type must be multipart/form-data."
        raise NoFormError(msg)
    whole = BytesParser(policy=policy.HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = {}
    for part in whole.walk():
        name: Any = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = (content, part.get_content_type(), part.get_filename())
    return found
