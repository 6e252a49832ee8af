"""A thousand things that happen on a Facebook page, in chats as below posts, each a webhook entry of its own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from tests.pipeline.ingest.any_order import REPLIES, START, Stream
from tests.pipeline.ingest.rig import Rig
from tests.support.webhooks import Json

PAGE: Final = "345670000000003"
ANA: Final = "6543210000000000"
PEOPLE: Final = [f"65432100000001{number:02}" for number in range(12)]
AUTHORS: Final = [f"76543210000002{number:02}" for number in range(12)]
POST: Final = f"{PAGE}_778899"
OTHER_APP: Final = 263902037430900


def _ms(second: float) -> int:
    return int((START + timedelta(seconds=second)).timestamp() * 1000)


def _chat(who: str, second: float, *, from_page: bool = False, timed: bool = True, **content: Any) -> Json:
    sender, recipient = (PAGE, who) if from_page else (who, PAGE)
    item = {"sender": {"id": sender}, "recipient": {"id": recipient}, **content}
    return {"id": PAGE, "time": _ms(second), "messaging": [item | ({"timestamp": _ms(second)} if timed else {})]}


def _feed(verb: str, comment: str, second: int, by: str | None, **value: Any) -> Json:
    author = {"from": {"id": by, "name": "Exsim" if by == PAGE else f"Autor {by[-2:]}"}} if by else {}
    whole = {"item": "comment", "verb": verb, "comment_id": comment, "post_id": POST, "parent_id": POST}
    change = {"field": "feed", "value": {**whole, **author, **value}}
    return {"id": PAGE, "time": _ms(second) // 1000, "changes": [change]}


def _handed(how: str) -> Json:
    return {f"{how}_thread_control": {"new_owner_app_id": str(OTHER_APP)}}


def _person(number: int) -> str:
    return PEOPLE[number % len(PEOPLE)]


def _in_chats() -> list[Json]:
    said = [_chat(_person(n), n, message={"mid": f"m_{n}", "text": f"mensaje {n}"}) for n in range(260)]
    edits = [
        _chat(
            _person(n % 75),
            400 + n,
            message_edit={"mid": f"m_{n % 75}", "text": f"corregido {n}", "num_edit": n // 75 + 1},
        )
        for n in range(150)
    ]
    reactions = [
        _chat(
            _person(n % 60),
            600 + n,
            reaction={"mid": f"m_{n % 60}", **({"action": "react", "emoji": "❤"} if n % 3 else {"action": "unreact"})},
        )
        for n in range(150)
    ]
    unsent = [_chat(_person(n), 900 + n, message={"mid": f"m_{n}", "is_deleted": True}) for n in range(30)]
    by_hand = [
        _chat(
            _person(n),
            1000 + n,
            from_page=True,
            message={"mid": f"m_hand_{n}", "is_echo": True, "app_id": OTHER_APP, "text": f"a mano {n}"},
        )
        for n in range(60)
    ]
    held = [
        _chat(
            _person(n),
            1100 + n,
            **_handed("pass" if n // 12 % 2 else "take"),
        )
        for n in range(30)
    ]
    return said + edits + reactions + unsent + by_hand + held


def _below_posts() -> list[Json]:
    tops = [
        _feed("add", f"c_{n}", n, AUTHORS[n % 12], message=f"¿comentario {n}?", created_time=_ms(n) // 1000)
        for n in range(70)
    ]
    nested = [
        _feed(
            "add",
            f"r_{n}",
            100 + n,
            AUTHORS[(n + 5) % 12],
            message=f"respuesta {n}",
            parent_id=f"c_{n % 20}",
            created_time=_ms(100 + n) // 1000,
        )
        for n in range(40)
    ]
    edits = [
        _feed(
            "edited",
            f"c_{n % 30}",
            200 + n,
            AUTHORS[n % 30 % 12],
            message=f"corregido {n}",
            edited_time=_ms(200 + n) // 1000,
        )
        for n in range(60)
    ]
    hidden = [_feed("unhide" if n // 25 else "hide", f"c_{n % 25}", 300 + n, None) for n in range(50)]
    gone = [_feed("remove", f"c_{n + 40}", 400 + n, AUTHORS[(n + 40) % 12]) for n in range(20)]
    answers = [
        _feed(
            "add",
            f"p_{n}",
            500 + n,
            PAGE,
            message=f"de la página {n}",
            parent_id=f"c_{n}" if n % 2 else f"r_{n}",
            created_time=_ms(500 + n) // 1000,
        )
        for n in range(40)
    ]
    return tops + nested + edits + hidden + gone + answers


def _replies() -> list[Json]:
    """Return what is told of our replies to Ana: echoes with the hub's id, what arrived, one mark of what was read."""
    echoes = [
        _chat(
            ANA,
            1200 + n,
            from_page=True,
            message={"mid": f"m_out_{n}", "is_echo": True, "metadata": f"@reply_{n}@", "text": f"respuesta {n}"},
        )
        for n in range(REPLIES)
    ]
    arrived = [
        _chat(ANA, 1300 + n, timed=False, delivery={"mids": [f"m_out_{n}"], "watermark": _ms(1200 + n)})
        for n in range(1, REPLIES)
    ]
    return [*echoes, *arrived, _chat(ANA, 1400, read={"watermark": _ms(1209.5)})]


async def _open(rig: Rig) -> str:
    """Let Ana write, before anything else happens."""
    first = _chat(ANA, 1, message={"mid": "m_ana", "text": "Buenas tardes"})
    await rig.take(json.dumps({"object": "page", "entry": [first]}).encode(), connector="facebook")
    ((conversation,),) = await rig.rows("SELECT id FROM conversations")
    return str(conversation)


FACEBOOK = Stream(
    "facebook",
    "page",
    (*_in_chats(), *_below_posts(), *_replies()),
    {f"m_out_{n}": "read" if n < 10 else "delivered" for n in range(REPLIES)},
    _open,
)
