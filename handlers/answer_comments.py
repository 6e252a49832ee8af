"""Answers public comments that ask something: one fixed line in public, the rest in private."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hub.contracts import Handler, Ports
from hub.domain import comments, send_window, wording
from hub.services import cases, conversations, leaving, replies
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.messages import CommentPosted

PUBLIC_USEFUL_FOR: Final = timedelta(hours=2)


def answer(event: CloudEvent[CommentPosted], tx: Transaction, ports: Ports) -> None:
    """Open a case for a question with one public line and one private reply; let tags, emoji, praise stand.

    What is said below another's post (a mention) is recorded only: the page may not answer there.
    """
    comment = event.data
    case = cases.open_of(tx, comment.conversation_id)
    if case is not None:
        conversations.join_case(tx, comment.message_id, case.id)
        return
    if comment.mention or not comments.asks(comment.text):
        return
    summary = wording.summary(comment.text)
    case_id = cases.open_for(tx, comment, summary)
    late = tx.now - event.time > timedelta(minutes=ports.policies.answers.late_after_minutes)
    answered = conversations.answered_by_person(tx, comment.conversation_id, event.time)
    if not late and answered is None:  # R-C8, R-C9
        _reply(tx, comment, case_id, ports, tx.now - event.time)
    cases.diagnose(
        tx,
        comment,
        case_id,
        kind="unknown",
        scope="unknown",
        needs_ticket=True,
        summary=summary,
        asked_at=event.time,
        rule="every-case-needs-a-ticket",
    )


def _reply(tx: Transaction, comment: CommentPosted, case_id: str, ports: Ports, age: timedelta) -> None:
    # This very comment: meanwhile the conversation may have gone on to another one.
    about = {"comment_id": comment.provider_message_id}
    replies.request(
        tx,
        comment.conversation_id,
        ports.policies.answers.comment_public,
        intent="comment_public",
        useful_for=PUBLIC_USEFUL_FOR,
        case_id=case_id,
        kind=leaving.PUBLIC,
        reply_to=about,
    )
    replies.request(
        tx,
        comment.conversation_id,
        wording.private_reply(ports.policies, comment.author_name),
        intent="comment_private",
        useful_for=send_window.PRIVATE_REPLY - send_window.MARGIN - age,
        case_id=case_id,
        kind="private_reply",
        reply_to=about,
    )


HANDLER = Handler(group="answer-comments", types=(CommentPosted,), handle=answer, owner="support")
