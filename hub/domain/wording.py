"""What the hub says in Spanish, filled in from the company's texts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hub.domain import business_time
from hub.domain.policies import Policies

_DAYS: Final = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MONTHS: Final = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_SUMMARY_LENGTH: Final = 120
_KINDS: Final = {
    "image": "imagen",
    "video": "video",
    "audio": "audio",
    "voice": "nota de voz",
    "document": "documento",
    "sticker": "sticker",
    "location": "ubicación",
    "contacts": "contacto",
    "choice": "opción",
    "form": "formulario",
    "order": "pedido",
    "share": "enlace",
    "call": "llamada",
}


def greeting(policies: Policies, now: datetime, name: str | None, *, readable: bool) -> str:
    """Return the first answer to a customer, honest about when a person attends (R-C6, R-P1)."""
    answers = policies.answers
    if not business_time.is_attended(policies.attendance, now):
        text = answers.greeting_closed
    else:
        text = answers.greeting_open if readable else answers.unsupported
    opening = moment(business_time.next_opening(policies.attendance, now))
    return text.format(name=_called(name), next_opening=opening)


def private_reply(policies: Policies, name: str | None) -> str:
    """Return what somebody who commented in public is told in private."""
    return policies.answers.comment_private.format(name=_called(name), next_opening="")


def moment(instant: datetime) -> str:
    """Return an instant of a zone as people say it: ``lunes 23 de noviembre a las 9:00``."""
    day, month = _DAYS[instant.weekday()], _MONTHS[instant.month - 1]
    return f"{day} {instant.day} de {month} a las {instant.hour}:{instant.minute:02d}"


def summary(text: str) -> str:
    """Return the first words of a message, as a title."""
    words = " ".join(text.split())
    return words if len(words) <= _SUMMARY_LENGTH else words[: _SUMMARY_LENGTH - 1].rstrip() + "…"


def kind(of: str) -> str:
    """Return what a message without words is called, as a title: ``[imagen]``."""
    return f"[{_KINDS.get(of, of)}]"


def _called(name: str | None) -> str:
    first = (name or "").split()
    return f" {first[0]}" if first and first[0].replace("-", "").isalpha() else ""
