"""The public side of a simulated page: comments below posts, with what was answered to each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from connectors._simulator.ledger import Entry, Ledger
from connectors.facebook.simulator.refusal import Refusal

PRIVATE_REPLY_DAYS: Final = 7


@dataclass
class Comment:
    """One comment.

    Attributes:
        phone: Whose; the page itself under its own id.
        replies: Texts of the page below it.
        answered_privately: One private reply a comment, ever.
    """

    id: str
    phone: str
    post_id: str
    at: datetime
    replies: list[str] = field(default_factory=list)
    answered_privately: bool = False
    removed: bool = False


class Wall:
    """All comments, rebuilt from the ledger at start."""

    def __init__(self, ledger: Ledger) -> None:
        """Show again what an earlier run left."""
        self._comments: dict[str, Comment] = {}
        for entry in ledger.entries:
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Keep what a ledger entry says about a comment."""
        if entry["kind"] == "said" and entry.get("comment"):
            found = self._comments.get(entry["comment"])
            if found is None:
                at = datetime.fromisoformat(entry["said_at"])
                found = Comment(entry["comment"], entry["phone"], entry["post"], at)
                self._comments[found.id] = found
            found.removed = entry["type"] == "remove"
        elif entry["kind"] == "send" and entry.get("taken") and entry.get("comment") in self._comments:
            comment = self._comments[entry["comment"]]
            if entry["type"] == "private_reply":
                comment.answered_privately = True
            elif entry["type"] == "comment_reply":
                comment.replies.append(entry["text"])

    def get(self, comment_id: str) -> Comment:
        """Return a comment that is there.

        Raises:
            Refusal: It never was, or was removed.
        """
        found = self._comments.get(comment_id)
        if found is None or found.removed:
            raise Refusal(100, f"Unsupported request. Object with ID '{comment_id}' does not exist", subcode=33)
        return found

    def may_answer_privately(self, comment_id: str, now: datetime) -> Comment:
        """Return a comment that may have its one private reply.

        Raises:
            Refusal: It had one, or is older than seven days.
        """
        comment = self.get(comment_id)
        if comment.answered_privately or now - comment.at > timedelta(days=PRIVATE_REPLY_DAYS):
            raise Refusal(100, "This comment is not eligible for a private reply.", subcode=2534025)
        return comment
