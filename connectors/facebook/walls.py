"""Turns one change of a page's feed into what it tells of a comment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from connectors._meta.fields import is_broken, label, why
from connectors.facebook.chat import digest
from connectors.facebook.contents import clean, file_at
from connectors.facebook.parties import on_wall
from connectors.facebook.payload import Author, Comment
from hub.contracts import AmendmentItem, CommentItem, EchoItem, File, Ignored, Item, RefusedItem

FIELDS: Final = frozenset({"feed", "mention"})
# The documentation spells two of them in two ways (facts 4.5).
_AMENDS: Final = {
    "edited": "edit",
    "edit": "edit",
    "remove": "delete",
    "delete": "delete",
    "hide": "hide",
    "unhide": "show",
}


def items_of(change: object, page: str, told_at: datetime | None) -> Iterator[Item]:
    """Yield what one change tells; what is no comment is ignored with its reason."""
    if not isinstance(change, dict):
        yield RefusedItem("a change is no object")
        return
    field, value = label(change.get("field")), change.get("value")
    if field is None:
        yield RefusedItem("a change does not name its field")
    elif field not in FIELDS:
        yield Ignored(f"field {field} is not used")
    elif not isinstance(value, dict):
        yield RefusedItem(f"the value of a {field} change is no object")
    elif is_broken(value):
        yield RefusedItem("an item holds half a surrogate pair, or U+FDD0, which stands for one")
    elif field == "mention" and value.get("comment_id") is None:
        # Somebody named the page in a post of their own: it stands for the comment.
        yield from _comment({**value, "comment_id": value.get("post_id")}, page, told_at, mention=True)
    elif value.get("item", "comment") != "comment":
        yield Ignored(f"{label(value.get('item')) or 'unknown'} items of the {field} are not used")
    else:
        yield from _comment(value, page, told_at, mention=field == "mention")


def _comment(value: dict[str, Any], page: str, told_at: datetime | None, *, mention: bool) -> Iterator[Item]:
    try:
        comment = Comment.model_validate(value)
    except ValidationError as error:
        yield RefusedItem(why(error))
        return
    own = author_of(comment).id == page
    if own and comment.verb in {"add", "edited", "edit"} and _parent(comment) is None:
        yield Ignored("a comment of the page itself that answers nobody")
    elif own and comment.verb == "add":
        yield _answered(comment, page, told_at)
    elif comment.verb == "add":
        yield _posted(comment, page, told_at, mention=mention)
    elif comment.verb in _AMENDS:
        yield _amended(comment, value, page, told_at, own=own)
    else:
        yield Ignored(f"a comment that somebody chose to {label(comment.verb)}")


def author_of(comment: Comment) -> Author:
    """Return who commented; before version 2.11 the name stood elsewhere (restfb/restfb#817)."""
    if comment.author.id is not None:
        return comment.author
    return Author(id=comment.sender_id, name=comment.sender_name or comment.author.name)


def _posted(comment: Comment, page: str, told_at: datetime | None, *, mention: bool) -> CommentItem:
    reply_to = {"comment_id": comment.comment_id}
    parent = _parent(comment)
    return CommentItem(
        asset=page,
        provider_id=comment.comment_id,
        time=comment.created_time or told_at,
        party=on_wall(page, author_of(comment), reply_to),
        post_id=comment.post_id or comment.comment_id.partition("_")[0],
        thread=parent or comment.comment_id,
        reply_to=reply_to,
        text=clean(comment.message) or comment.link or "",
        parent_id=parent,
        files=_files(comment),
        # A comment below the page's own post may be told as a mention, too, in any order.
        mention=mention and not (comment.post_id or "").startswith(f"{page}_"),
        permalink=comment.permalink,
    )


def _answered(comment: Comment, page: str, told_at: datetime | None) -> EchoItem:
    """Return what the page answered; the hub's own line comes back in the same way, without any mark of ours."""
    return EchoItem(
        asset=page,
        provider_id=comment.comment_id,
        time=comment.created_time or told_at,
        party=None,
        kind="comment",
        text=clean(comment.message) or comment.link or "",
        quoted_provider_id=_parent(comment),
        files=_files(comment),
    )


def _amended(comment: Comment, value: dict[str, Any], page: str, told_at: datetime | None, *, own: bool) -> Item:
    kind: Any = _AMENDS[comment.verb]
    time = comment.edited_time or told_at if kind == "edit" else told_at
    told = {name: value.get(name) for name in ("comment_id", "verb", "edited_time", "message")}
    return AmendmentItem(
        asset=page,
        provider_id=digest(page, [told, None if time is None else time.isoformat()]),
        time=time,
        target=comment.comment_id,
        kind=kind,
        text=clean(comment.message) if kind == "edit" else "",
        by="company" if own or kind in {"hide", "show"} else "customer",
    )


def _parent(comment: Comment) -> str | None:
    """Return the comment that this one answers; a top one names its post."""
    return None if comment.parent_id in {None, comment.post_id, comment.comment_id} else comment.parent_id


def _files(comment: Comment) -> tuple[File, ...]:
    """Return what is attached; what cannot be fetched is told as lost, for it may be all that was said."""
    found = [file_at("image", comment.photo)] if comment.photo else []
    return (*found, file_at("video", comment.video)) if comment.video else tuple(found)
