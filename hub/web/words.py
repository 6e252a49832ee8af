"""What pages call things, in the Spanish of Mexico."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

EVENTS: Final[Mapping[str, str]] = {
    "hub.message.received.v1": "Mensaje del cliente",
    "hub.message.unsupported.v1": "Mensaje que el hub no puede leer",
    "hub.message.edited.v1": "Mensaje editado",
    "hub.message.deleted.v1": "Mensaje eliminado",
    "hub.message.reacted.v1": "Reacción",
    "hub.message.hidden.v1": "Comentario ocultado o mostrado",
    "hub.attachment.stored.v1": "Archivo guardado",
    "hub.attachment.quarantined.v1": "Archivo apartado por sospechoso",
    "hub.attachment.lost.v1": "Archivo perdido",
    "hub.comment.posted.v1": "Comentario público",
    "hub.contact.linked.v1": "Contacto con dirección nueva",
    "hub.contact.matched.v1": "Contactos que parecen la misma persona",
    "hub.contact.merged.v1": "Contactos unidos",
    "hub.contact.separated.v1": "Contactos separados",
    "hub.contact.preference_changed.v1": "Preferencia del contacto",
    "hub.conversation.handed_over.v1": "Conversación en otras manos",
    "hub.conversation.window_closing.v1": "Está por cerrarse el plazo para responder libremente",
    "hub.contact.identified.v1": "Contacto nuevo",
    "hub.conversation.opened.v1": "Conversación abierta",
    "hub.case.opened.v1": "Caso abierto",
    "hub.case.diagnosed.v1": "Diagnóstico rápido",
    "hub.ticket.opened.v1": "Ticket abierto",
    "hub.clock.started.v1": "Reloj en marcha",
    "hub.clock.warned.v1": "Reloj por vencer",
    "hub.clock.breached.v1": "Reloj vencido",
    "hub.clock.met.v1": "Reloj cumplido",
    "hub.reply.echoed.v1": "Respuesta fuera del hub",
    "hub.reply.requested.v1": "Respuesta del hub",
    "hub.reply.scheduled.v1": "Respuesta programada",
    "hub.reply.unscheduled.v1": "Respuesta programada que ya no sale",
    "hub.reply.sent.v1": "Respuesta enviada",
    "hub.reply.delivered.v1": "Respuesta entregada",
    "hub.reply.read.v1": "Respuesta leída",
    "hub.reply.failed.v1": "Respuesta que no llegará",
    "hub.reply.doubtful.v1": "Respuesta dudosa",
    "hub.timer.fired.v1": "Sonó un temporizador",
    "hub.delivery.refused.v1": "Entrega ilegible",
    "hub.dead_letter.added.v1": "Mensaje muerto",
    "hub.channel.alerted.v1": "Alerta de canal",
    "hub.account.changed.v1": "Cambio en la cuenta del canal",
    "hub.policy.changed.v1": "Regla de la empresa cambiada",
}
CHANNELS: Final[Mapping[str, str]] = {
    "whatsapp": "WhatsApp",
    "facebook": "Facebook",
    "hibot": "HiBot",
    "email": "Correo",
    "phone": "Teléfono",
    "anydesk": "AnyDesk",
    "calendar": "Calendario",
}
MARKS: Final[Mapping[str, str]] = {
    "whatsapp": "WA",
    "facebook": "FB",
    "hibot": "HB",
    "email": "@",
    "phone": "TEL",
    "anydesk": "AD",
    "calendar": "CAL",
}
TICKET_STATES: Final[Mapping[str, str]] = {"open": "abierto", "closed": "cerrado"}
CASE_KINDS: Final[Mapping[str, str]] = {
    "support": "soporte",
    "improvement": "mejora",
    "bug": "error",
    "unknown": "por diagnosticar",
}
CLOCKS: Final[Mapping[str, str]] = {"first_response": "Primera respuesta", "resolution": "Solución"}
CLOCK_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "running": ("a tiempo", "○"),
    "warned": ("por vencer", "◔"),
    "breached": ("vencido", "●"),
    "paused": ("en pausa", "‖"),
    "met": ("cumplido", "✓"),
}
"""Each state by word with shape, never by colour alone."""
DELIVERY_STATES: Final[Mapping[str, str]] = {
    "ingested": "ingresada",
    "partial": "en curso",
    "refused": "ilegible",
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "published": ("publicado", "publicados"),
    "ignored": ("sin novedad", "sin novedad"),
    "duplicate": ("repetido", "repetidos"),
    "quarantined": ("en cuarentena", "en cuarentena"),
    "waiting": ("en espera", "en espera"),
}
MESSAGE_STATES: Final[Mapping[str, str]] = {
    "received": "recibido",
    "requested": "por enviar",
    "sent": "enviado",
    "delivered": "entregado",
    "read": "leído",
    "failed": "no llegó",
    "doubtful": "dudoso",
    "echoed": "escrito fuera del hub",
}
EFFECT_STATES: Final[Mapping[str, str]] = {
    "intent": "por enviar",
    "sending": "enviándose",
    "unknown": "dudoso",
    "accepted": "aceptado por el proveedor",
    "failed": "no se envió",
    "confirmed": "confirmado",
}
REASONS: Final[Mapping[str, str]] = {
    "unreadable": "ilegible",
    "stale": "demasiado viejo",
    "permanent": "sin remedio tal como está",
    "exhausted": "falló en todos los intentos",
    "poison": "detuvo al hub",
    "foreign": "ajeno",
    "ours": "error del hub",
}
GROUPS: Final[Mapping[str, str]] = {
    "attend-conversation": "atender conversaciones",
    "open-tickets": "abrir tickets",
    "run-service-levels": "llevar los relojes",
    "send-scheduled": "enviar lo programado",
    "watch-waiting": "vigilar lo que espera su mensaje",
    "watch-windows": "vigilar plazos para responder",
    "ingest": "ingreso",
}

_TELLING: Final = ("text", "title", "summary", "explanation_es", "reason", "display_name", "folio")


def event(type_: str) -> str:
    """Return what an event is called; of a type that came later its own name."""
    return EVENTS.get(type_, type_)


def gist(type_: str, data: Mapping[str, Any]) -> str:
    """Return the words of an event that say most, empty when it has none."""
    if type_ == "hub.ticket.opened.v1":
        return f"{data.get('folio')}: {data.get('title')}"
    if type_ == "hub.message.unsupported.v1":
        return str(data.get("provider_kind") or "")
    if type_.startswith("hub.clock."):
        return f"{CLOCKS.get(str(data.get('name')), data.get('name'))} de {data.get('folio')}"
    return next((str(data[name]) for name in _TELLING if data.get(name)), "")


def became(type_: str | None, counts: Mapping[str, int]) -> str:
    """Return what a delivery became: the name of its first event with how many more, else the sums of its items."""
    if type_ is None:
        return outcomes(counts)
    more = counts["items"] - 1
    return event(type_) if more <= 0 else f"{event(type_)} y {more} más"


def outcomes(counts: Mapping[str, int]) -> str:
    """Return what became of a delivery's items, in one line."""
    parts = [
        f"{counts[name]} {one if counts[name] == 1 else many}"
        for name, (one, many) in OUTCOMES.items()
        if counts.get(name)
    ]
    return " · ".join(parts) or "sin elementos"
