"""Judges what the hub asks of a page's Send API, as strictly as the real one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors._simulator import forms
from connectors.facebook.simulator.refusal import Refusal

MAX_TEXT: Final = 2000
MAX_METADATA: Final = 1000
MAX_FILE_BYTES: Final = 25 * 1024 * 1024
MAX_QUICK_REPLIES: Final = 13
MAX_TITLE: Final = 20

_PSID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)
_KEYS: Final = frozenset(
    {"recipient", "messaging_type", "tag", "message", "sender_action", "notification_type", "reply_to"}
)
_GONE_TAGS: Final = frozenset({"ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"})
_ACTIONS: Final = frozenset({"mark_seen", "typing_on", "typing_off"})
_FILES: Final = frozenset({"image", "audio", "video", "file"})


@dataclass(frozen=True)
class Outgoing:
    """A request to the Send API that has nothing wrong in itself.

    Attributes:
        shown: How the customer's phone shows it.
        tagged: Whether it is for the days after the first (HUMAN_AGENT).
    """

    psid: str | None
    comment_id: str | None
    shown: str
    message: Mapping[str, Any]
    metadata: str | None = None
    action: str | None = None
    tagged: bool = False

    @property
    def media(self) -> str | None:
        """The id of an upload."""
        found = (self.message.get("attachment") or {}).get("payload", {}).get("attachment_id")
        return found if isinstance(found, str) else None


def read_outgoing(body: Mapping[str, Any]) -> Outgoing:
    """Return what a request asks for.

    Raises:
        Refusal: With the code that Meta gives for what is wrong.
    """
    unknown = set(body) - _KEYS
    if unknown:
        raise Refusal(100, f"Invalid keys {sorted(unknown)} were found in the request.")
    psid, comment_id = _recipient(body.get("recipient"))
    action = body.get("sender_action")
    if action is not None:
        if action not in _ACTIONS or "message" in body or psid is None:
            raise Refusal(100, "sender_action goes alone, to somebody, with a documented value.")
        return Outgoing(psid, None, "", {}, action=action)
    tagged = _manner(body) if comment_id is None else False
    message = body.get("message")
    if not isinstance(message, dict):
        raise Refusal(100, "The parameter message is required.")
    metadata = message.get("metadata")
    if metadata is not None and (not isinstance(metadata, str) or len(metadata) >= MAX_METADATA):
        raise Refusal(100, f"message[metadata] is a string below {MAX_METADATA} characters.")
    return Outgoing(psid, comment_id, _shown(message), message, metadata, tagged=tagged)


def _recipient(recipient: object) -> tuple[str | None, str | None]:
    if not isinstance(recipient, dict) or len(recipient) != 1:
        raise Refusal(100, "The parameter recipient names exactly one.")
    ((name, value),) = recipient.items()
    if not isinstance(value, str) or name not in {"id", "comment_id"}:
        raise Refusal(100, "Param recipient must be an id, or a comment_id, as a string.")
    if name == "comment_id":
        return None, value
    if not _PSID.fullmatch(value):
        raise Refusal(100, "Param recipient[id] must be a valid ID string", subcode=2018001)
    return value, None


def _manner(body: Mapping[str, Any]) -> bool:
    kind, tag = body.get("messaging_type"), body.get("tag")
    if kind not in {"RESPONSE", "UPDATE", "MESSAGE_TAG"}:
        raise Refusal(100, "The parameter messaging_type is required.")
    if kind != "MESSAGE_TAG":
        if tag is not None:
            raise Refusal(100, "A tag needs messaging_type MESSAGE_TAG.")
        return False
    if tag in _GONE_TAGS:
        raise Refusal(100, "Invalid parameter: the message tag is no longer supported.", subcode=1893061)
    if tag != "HUMAN_AGENT":
        raise Refusal(100, "Param tag must be one of the documented tags.")
    return True


def _shown(message: Mapping[str, Any]) -> str:
    text, attachment = message.get("text"), message.get("attachment")
    if (text is None) == (attachment is None):
        raise Refusal(100, "A message has either a text or an attachment.")
    _quick_replies(message.get("quick_replies", []))
    if attachment is not None:
        return _attached(attachment)
    if not isinstance(text, str) or not text:
        raise Refusal(100, "message[text] must be a non-empty string.")
    if len(text) >= MAX_TEXT:
        raise Refusal(100, f"Length of param message[text] must be less than {MAX_TEXT}.")
    return text


def _quick_replies(given: object) -> None:
    well = isinstance(given, list) and len(given) <= MAX_QUICK_REPLIES
    for one in given if isinstance(given, list) else []:
        title = one.get("title") if isinstance(one, dict) else None
        well = well and isinstance(title, str) and 0 < len(title) <= MAX_TITLE
    if not well:
        raise Refusal(100, f"At most {MAX_QUICK_REPLIES} quick replies, titles up to {MAX_TITLE} characters.")


def _attached(attachment: object) -> str:
    kind = attachment.get("type") if isinstance(attachment, dict) else None
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    if not isinstance(payload, dict):
        raise Refusal(100, "message[attachment] needs a type with its payload.")
    if kind == "template":
        text = payload.get("text")
        if payload.get("template_type") != "button" or not isinstance(text, str) or not payload.get("buttons"):
            raise Refusal(100, "The simulator knows button templates only.")
        return text
    if kind not in _FILES or not isinstance(payload.get("url", payload.get("attachment_id")), str):
        raise Refusal(100, "message[attachment] needs a file type with url or attachment_id.")
    return f"[{kind}]"


def read_upload(content_type: str, body: bytes) -> forms.Part:
    """Return the file of a form: content, type, name.

    Raises:
        Refusal: With the code that Meta gives for what is wrong.
    """
    try:
        given = forms.parts(content_type, body)
    except forms.NoFormError as error:
        raise Refusal(100, str(error)) from None
    message, file = given.get("message"), given.get("filedata")
    try:
        attachment = json.loads(message[0])["attachment"] if message else {}
        kind, reusable = attachment.get("type"), attachment.get("payload", {}).get("is_reusable")
    except (ValueError, KeyError, AttributeError, TypeError):
        kind = reusable = None
    if kind not in _FILES or file is None:
        raise Refusal(100, "message[attachment] needs a file type, filedata the file.")
    if reusable is not True:
        raise Refusal(100, "An upload that is not reusable can be sent by nobody.")
    if not 0 < len(file[0]) <= MAX_FILE_BYTES:
        raise Refusal(100, "The attachment size exceeds the allowed limit (25 MB), or is nothing.", subcode=2018047)
    return file
