"""What scripts or people tell a simulated page to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._meta.checking import check_address
from connectors._simulator.courier import Courier, Update
from connectors._simulator.files import Files
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.surface import refuse
from connectors.facebook.simulator import kinds
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.people import psid_of
from connectors.facebook.simulator.updates import comment_update, messaging_update, seconds
from connectors.facebook.simulator.wall import Wall

PAGE_INBOX: Final = 263902037430900
"""An app that is not ours; the real number is printed in two spellings (facts 4.3)."""


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sender: str = Field(alias="from", min_length=1, max_length=160)
    times: int = Field(default=1, ge=1, le=1000)


class Say(_Order):
    """Something that a customer does in the chat.

    Attributes:
        sender: ``from``: a name, or a PSID.
        id: The provider's message id; a fresh one when absent, the same again makes a duplicate.
        times: How often the webhook is sent.
        content: More of the raw item, e.g. ``{"attachments": […]}`` within ``message``.
        event: Which item it is; anything but ``message`` is told by ``content`` alone.
        at: When it was done, in milliseconds since 1970, if not now.
        standby: Whether another app has the thread.
        kind: One of ``GET /control/kinds``: everything as it was recorded, with files that can be fetched.
        about: The message that a reaction, an edit, an unsending or an answer of that kind speaks of.
    """

    text: str | None = None
    name: str | None = None
    id: str | None = Field(default=None, min_length=1, max_length=512)
    event: str = "message"
    content: dict[str, Any] = {}
    at: int | None = None
    standby: bool = False
    kind: str | None = None
    about: str | None = None


class Comment(_Order):
    """Something that a customer does below a post.

    Attributes:
        id: The comment's id; a fresh one when absent.
        post: Number of the post.
        parent: Comment that it answers, if any.
        field: ``mention`` tells it the other way.
        at: When, in seconds since 1970, if not now.
        content: More of the raw value, e.g. ``{"photo": …}``; None leaves a field out.
    """

    text: str | None = None
    verb: Literal["add", "edited", "remove", "hide", "unhide"] = "add"
    id: str | None = Field(default=None, min_length=1, max_length=512)
    post: str = Field(default="778899", pattern="[0-9]+")
    parent: str | None = None
    field: Literal["feed", "mention"] = "feed"
    at: int | None = None
    content: dict[str, Any] = {}


class Elsewhere(BaseModel):
    """Something that a colleague writes in the page's own inbox, or below a comment.

    Attributes:
        to: Whom; of a comment, whose it is.
        comment: The comment that is answered in public; a message in the chat without one.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    to: str = Field(min_length=1, max_length=160)
    text: str
    id: str | None = None
    comment: str | None = None


_SAYINGS: Final[TypeAdapter[list[Say]]] = TypeAdapter(list[Say])


class Control:
    """The part of the surface under ``/control`` that only a page has."""

    def __init__(
        self, options: SimulatorOptions, ledger: Ledger, phones: Phones, wall: Wall, courier: Courier, files: Files
    ) -> None:
        """Join the parts."""
        self._files, self._kinds = files, kinds.kinds()
        self._options, self._ledger, self._phones = options, ledger, phones
        self._wall, self._courier = wall, courier

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/control/say", self.say, methods=["POST"]),
            Route("/control/comment", self.comment, methods=["POST"]),
            Route("/control/elsewhere", self.elsewhere, methods=["POST"]),
            Route("/control/verify", self.verify, methods=["POST"]),
            *self._kinds.routes(),
        ]

    async def say(self, request: Request) -> Response:
        """Send what a customer says; a list of sayings goes as one webhook."""
        try:
            given = json.loads(await request.body())
            sayings = _SAYINGS.validate_python(given if isinstance(given, list) else [given])
            sayings = [self._of_kind(saying) for saying in sayings]
        except ValueError as error:
            return refuse(error)
        if not sayings:
            return refuse(ValueError("nothing is said"))
        told = [self._said(saying) for saying in sayings]
        updates = [update for update, _ in told]
        if isinstance(given, list) or sayings[0].times > 1:
            self._courier.post_together(updates, times=max(saying.times for saying in sayings))
        else:
            self._courier.post(updates[0])
        phone = updates[-1].phone
        return JSONResponse({"ids": [one for _, one in told], "phone": phone, "after": self._phones.last(phone)})

    async def comment(self, request: Request) -> Response:
        """Send what a customer does with a comment."""
        try:
            order = Comment.model_validate_json(await request.body())
        except ValueError as error:
            return refuse(error)
        psid, options = psid_of(order.sender), self._options
        comment_id = order.id or f"{order.post}_{int(options.randomness.token()[:12], 16)}"
        at = order.at or int(options.clock.now().timestamp())
        post = f"{options.page_id}_{order.post}"
        gone = order.verb in {"remove", "hide", "unhide"}
        value = {
            "verb": order.verb,
            "comment_id": comment_id,
            "post_id": post,
            "parent_id": order.parent or post,
            "message": None if gone else order.text,
            "created_time": None if order.verb == "remove" else at,
        }
        value = {name: given for name, given in value.items() if given is not None} | order.content
        update = comment_update(options, psid, value, field=order.field)
        self._note(psid, comment_id, order.verb, order.text or f"[{order.verb}]", at, comment=comment_id, post=post)
        self._courier.post_together([update], times=order.times)
        return JSONResponse({"id": comment_id, "phone": psid, "after": self._phones.last(psid)})

    async def elsewhere(self, request: Request) -> Response:
        """Send the echo of what a colleague wrote in the page's inbox, or below a comment."""
        try:
            order = Elsewhere.model_validate_json(await request.body())
        except ValueError as error:
            return refuse(error)
        psid = psid_of(order.to)
        if order.comment is not None:
            return self._answer_in_public(psid, order, order.comment)
        mid = order.id or f"m_{self._options.randomness.token()}"
        now = int(self._options.clock.now().timestamp() * 1000)
        message = {"mid": mid, "is_echo": True, "app_id": PAGE_INBOX, "text": order.text}
        item = {"timestamp": now, "message": message}
        self._courier.post(messaging_update(self._options, psid, item, ((mid, "echo"),), from_page=True))
        return JSONResponse({"id": mid, "phone": psid})

    def _answer_in_public(self, psid: str, order: Elsewhere, comment: str) -> Response:
        post = comment.partition("_")[0]
        made = order.id or f"{post}_{int(self._options.randomness.token()[:12], 16)}"
        value = {
            "verb": "add",
            "comment_id": made,
            "post_id": f"{self._options.page_id}_{post}",
            "parent_id": comment,
            "message": order.text,
            "created_time": seconds(self._options),
        }
        self._courier.post(comment_update(self._options, psid, value, by_page=True))
        return JSONResponse({"id": made, "phone": psid})

    async def verify(self, _: Request) -> Response:
        """Make Meta's check of the hub's address."""
        return JSONResponse(await check_address(self._courier, self._options))

    def _of_kind(self, saying: Say) -> Say:
        if saying.kind is None:
            return saying
        raw = self._kinds.get(saying.kind)
        content = kinds.completed(raw["content"], self._files, saying.about, event=raw["event"])
        return saying.model_copy(update={"event": raw["event"], "content": content | saying.content})

    def _said(self, saying: Say) -> tuple[Update, str]:
        psid = psid_of(saying.sender)
        mid = saying.id or f"m_{self._options.randomness.token()}"
        at = saying.at or int(self._options.clock.now().timestamp() * 1000)
        content: dict[str, Any] = dict(saying.content)
        if saying.event in {"message", "postback"}:
            content = {"mid": mid, **content}
        if saying.text is not None:
            content = {"text": saying.text, **content}
        item = {"timestamp": at, saying.event: content}
        shown = saying.text if saying.text is not None else f"[{saying.event}]"
        self._note(psid, mid, saying.event, shown, at / 1000)
        update = messaging_update(self._options, psid, item, ((mid, saying.event),), standby=saying.standby)
        return update, mid

    def _note(self, psid: str, id_: str, type_: str, text: str, at: float, **more: str) -> None:
        said_at = datetime.fromtimestamp(at, UTC).isoformat()
        entry = self._ledger.add("said", phone=psid, id=id_, type=type_, text=text, said_at=said_at, **more)
        self._phones.note(entry)
        self._wall.note(entry)
