"""What each error code of the WhatsApp Cloud API means for a message.

Source: KAPSO ``error-codes``, META-WA ``support/error-codes`` (2026-11). The code decides, never status or title.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hub.contracts import NotTaken, Rejected

MAX_PAIR_PAUSE_SECONDS: Final = 3600.0
SPAM_PAUSE_SECONDS: Final = 3600.0
"""Quality recovers slowly; hammering makes it worse."""
SET_UP_PAUSE_SECONDS: Final = 60.0
"""Somebody has to mend the number first; no other number has to wait for that."""


class ErrorClass(Enum):
    """What has to happen after an error."""

    TRANSIENT = "transient"
    ONE_RETRY = "one_retry"
    THROTTLE_NUMBER = "throttle_number"
    THROTTLE_PAIR = "throttle_pair"
    THROTTLE_SPAM = "throttle_spam"
    CREDENTIALS = "credentials"
    POLICY = "policy"
    SET_UP = "set_up"
    NUMBER_SET_UP = "number_set_up"
    RECIPIENT = "recipient"
    WINDOW = "window"
    MARKETING = "marketing"
    TEMPLATE = "template"
    OURS = "ours"


_CHANNEL_DOWN: Final = frozenset({ErrorClass.CREDENTIALS, ErrorClass.POLICY, ErrorClass.SET_UP})
_NUMBER_WAITS: Final = frozenset({ErrorClass.THROTTLE_NUMBER, ErrorClass.THROTTLE_SPAM, ErrorClass.NUMBER_SET_UP})


@dataclass(frozen=True, slots=True)
class ProviderError:
    """One row of the table: every code in it says that the message was surely not sent."""

    kind: ErrorClass
    explanation_es: str


_ROWS: Final[dict[ErrorClass, dict[tuple[int, ...], str]]] = {
    ErrorClass.TRANSIENT: {
        (1, 2, 131000, 131016, 133004, 131057): "WhatsApp tuvo una falla temporal. Se reintenta solo; no hagas nada.",
    },
    ErrorClass.ONE_RETRY: {
        (135000,): "WhatsApp no pudo con el mensaje sin decir por qué. Se reintenta una sola vez.",
        (131052, 131053): "WhatsApp no pudo con el archivo. Revisa su tipo, su tamaño y que se pueda descargar.",
    },
    ErrorClass.THROTTLE_NUMBER: {
        (130429, 4, 80007): "El número llegó a su límite de mensajes por segundo. Sigue solo, más despacio.",
    },
    ErrorClass.THROTTLE_PAIR: {
        (131056,): "Demasiados mensajes seguidos a esta persona. Se espera y se reintenta solo.",
    },
    ErrorClass.THROTTLE_SPAM: {
        (
            131048,
            131064,
        ): "Meta limitó los envíos del número por su calidad. Detén las plantillas hasta que se recupere.",
    },
    ErrorClass.CREDENTIALS: {
        (
            0,
            190,
        ): "El token de acceso venció o no es válido. Genera otro del usuario del sistema y ponlo en su archivo.",
        (
            3,
            10,
            131005,
            *range(200, 300),
        ): "Al token le falta un permiso. Dale whatsapp_business_messaging y la cuenta.",
    },
    ErrorClass.POLICY: {
        (368, 131031): "Meta restringió la cuenta por sus políticas. Revisa con Dirección la calidad de la cuenta.",
    },
    ErrorClass.SET_UP: {
        (131042, 131044): "Hay un problema con el método de pago de la cuenta. Corrígelo en la facturación de Meta.",
        # Not in the WhatsApp lists: what Graph says to a version that it does not know, or serves no more.
        (2500, 2635): "La versión de la API no existe o fue retirada. Corrígela en HUB_WHATSAPP__…__API_VERSION.",
    },
    ErrorClass.NUMBER_SET_UP: {
        (133010,): "El número no está registrado en la API. Regístralo en el administrador de WhatsApp.",
        (
            133005,
            133006,
            133008,
            133009,
            133015,
            133016,
        ): "El registro del número falló. Revisa su PIN y espera 72 horas.",
        (131045,): "El certificado del número no es válido. Registra el número otra vez.",
        (131037,): "Falta aprobar el nombre visible del número. Pídelo en el administrador de WhatsApp.",
        (33,): "El identificador del número está mal o fue borrado. Corrígelo en HUB_WHATSAPP__…__NUMBERS__….",
    },
    ErrorClass.WINDOW: {
        (
            131047,
        ): "Pasaron más de 24 horas desde el último mensaje del cliente. Usa una plantilla aprobada u otro canal.",
    },
    ErrorClass.RECIPIENT: {
        (131026,): "WhatsApp no puede entregar a esta persona: sin cuenta o con versión vieja. Intenta por otro medio.",
        # The account's restriction, but one country's: whoever lives elsewhere is served on.
        (130497,): "Meta no permite que esta cuenta escriba a ese país. Revisa la cuenta con Dirección.",
        (131021,): "El destinatario es el mismo número que envía. Revisa el contacto.",
        (131030,): "El número no está en la lista de prueba de la app. Agrégalo, o pasa la app a producción.",
        (131062,): "Ese tipo de mensaje no se puede enviar sin teléfono. Pide el número a la persona.",
        (130403,): "La empresa tiene bloqueada a esta persona. Desbloquéala si se le debe responder.",
        (137000,): "Cambió la identidad de la persona en WhatsApp. Confirma con ella antes de escribirle.",
    },
    ErrorClass.MARKETING: {
        (131049, 130472, 131063): "Meta retuvo el mensaje de mercadotecnia para esta persona. No lo reintentes.",
        (131050,): "La persona pidió no recibir mercadotecnia. No se la envíes más.",
    },
    ErrorClass.TEMPLATE: {
        (132000, 132008, 132012): "Las variables no corresponden a la plantilla. Compáralas con la plantilla aprobada.",
        (132001,): "La plantilla no existe en ese idioma o no está aprobada. Revísala en el administrador.",
        (132005,): "El texto de la plantilla con sus variables es demasiado largo. Acorta las variables.",
        (132007,): "La plantilla incumple una política de WhatsApp. Corrígela y envíala a revisión.",
        (132015, 132016, 132018): "Meta pausó o desactivó la plantilla. Usa otra, o corrígela en el administrador.",
        (132068, 132069): "Meta bloqueó o limitó el flujo de la plantilla. Revísalo en el administrador.",
    },
    ErrorClass.OURS: {
        (
            100,
            131008,
            131009,
            131051,
        ): "El hub armó mal el mensaje. Queda en los errores propios; avisa a soporte del hub.",
    },
}

TABLE: Final[dict[int, ProviderError]] = {
    code: ProviderError(kind, text) for kind, rows in _ROWS.items() for codes, text in rows.items() for code in codes
}

# Once the provider took a message nobody tries it again by itself: the next ones are gone already.
_LATE: Final = {
    ErrorClass.TRANSIENT: "WhatsApp aceptó el mensaje y luego no lo entregó por una falla temporal. Reinténtalo.",
    ErrorClass.ONE_RETRY: "WhatsApp aceptó el mensaje pero no pudo con él. Revisa su archivo, si lleva, y reinténtalo.",
    ErrorClass.THROTTLE_NUMBER: "El número llegó a su límite de mensajes por segundo y este no salió. Reinténtalo.",
    ErrorClass.THROTTLE_PAIR: "Demasiados mensajes seguidos a esta persona; este no llegó. Reinténtalo más tarde.",
}

_UNKNOWN: Final = "WhatsApp devolvió el código {code}, que el hub no conoce. Búscalo en la lista de errores de Meta."
_NO_CODE: Final = "WhatsApp no pudo entregar el mensaje sin decir por qué. Intenta por otro medio."


def explain(code: int | None) -> str:
    """Return what happened with what to do, in Spanish, for any code."""
    if code is None:
        return _NO_CODE
    known = TABLE.get(code)
    return known.explanation_es if known else _UNKNOWN.format(code=code)


def explain_late(code: int | None) -> str:
    """Return the same for a message that was taken before it failed: the hub does not send it again by itself."""
    known = None if code is None else TABLE.get(code)
    return explain(code) if known is None else _LATE.get(known.kind, known.explanation_es)


def stops_channel(code: int | None) -> bool:
    """Tell whether the reason lies with account or number, so that every message fails until somebody mends it."""
    known = None if code is None else TABLE.get(code)
    return known is not None and known.kind in {*_CHANNEL_DOWN, ErrorClass.NUMBER_SET_UP}


def outcome(code: int, *, attempt: int, retry_after_seconds: float | None = None) -> NotTaken | Rejected | None:
    """Return what a refusal with this code means for an effect; None when the code is not in the table.

    Args:
        code: ``error.code`` of the provider's body.
        attempt: Which attempt at the effect was refused, from 1.
        retry_after_seconds: What the provider asked for; kept unless the table knows of a longer wait.
    """
    known = TABLE.get(code)
    if known is None:
        return None
    name, text, wait = str(code), known.explanation_es, retry_after_seconds
    if known.kind in _CHANNEL_DOWN:
        return NotTaken(name, text, wait, scope="credential")
    if known.kind is ErrorClass.THROTTLE_SPAM:
        wait = max(wait or 0.0, SPAM_PAUSE_SECONDS)
    if known.kind is ErrorClass.NUMBER_SET_UP:
        wait = max(wait or 0.0, SET_UP_PAUSE_SECONDS)
    if known.kind in _NUMBER_WAITS:
        return NotTaken(name, text, wait, scope="asset")
    if known.kind is ErrorClass.THROTTLE_PAIR:
        # 4^n seconds, KAPSO about-the-platform; the exponent is bounded so that no attempt count can overflow.
        pause = min(4.0 ** min(max(attempt, 1), 8), MAX_PAIR_PAUSE_SECONDS)
        return NotTaken(name, text, max(wait or 0.0, pause))
    if known.kind is ErrorClass.TRANSIENT or (known.kind is ErrorClass.ONE_RETRY and attempt <= 1):
        return NotTaken(name, text, wait)
    return Rejected(name, text)
