"""What each error code of Messenger or of a page's comments means for a message.

Source: facts 4.10 (META-MSGR ``error-codes``, META-GRAPH ``guides/error-handling``, 2026-11). The subcode decides where
there is one that is known, else the code; never status or title.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hub.contracts import NotTaken, Rejected

ABUSE_PAUSE_SECONDS: Final = 3600.0
"""Hammering a page that Meta has put on hold makes it worse."""

FIRST_SUBCODE: Final = 1_000_000
"""From here on a subcode means the same under every code; below, only beside its own."""


class ErrorClass(Enum):
    """What has to happen after an error."""

    TRANSIENT = "transient"
    ONE_RETRY = "one_retry"
    THROTTLE = "throttle"
    ABUSE = "abuse"
    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    POLICY = "policy"
    PAGE_RESTRICTED = "page_restricted"
    SET_UP = "set_up"
    WINDOW = "window"
    RECIPIENT = "recipient"
    THREAD_OWNER = "thread_owner"
    ATTACHMENT = "attachment"
    COMMENT = "comment"
    OURS = "ours"


_CHANNEL_DOWN: Final = frozenset(
    {
        ErrorClass.ABUSE,
        ErrorClass.CREDENTIALS,
        ErrorClass.PAGE_RESTRICTED,
        ErrorClass.PERMISSION,
        ErrorClass.POLICY,
        ErrorClass.SET_UP,
    }
)


@dataclass(frozen=True, slots=True)
class ProviderError:
    """One row of the table: every code in it says that the message was surely not sent."""

    kind: ErrorClass
    explanation_es: str


_TOKEN_ENDED: Final = "El token de la página venció o no es válido. Genera otro y ponlo en su archivo."  # noqa: S105

# Codes, or subcodes from FIRST_SUBCODE on.
_ROWS: Final[dict[ErrorClass, dict[tuple[int, ...], str]]] = {
    ErrorClass.TRANSIENT: {
        (1, 2, 1200): "Facebook tuvo una falla temporal. Se reintenta solo; no hagas nada.",
    },
    ErrorClass.ONE_RETRY: {
        (2018008,): "Facebook no pudo descargar el archivo. Revisa que su dirección sea pública y responda.",
        (2018294,): "Facebook tardó demasiado en procesar el video. Envía uno más corto o más ligero.",
    },
    ErrorClass.THROTTLE: {
        (4, 17, 32, 341, 613, 2534040): "La página llegó a su límite de mensajes. Sigue solo, más despacio.",
    },
    ErrorClass.ABUSE: {
        (2018338,): "Facebook frenó a la página por enviar demasiado. Detén los envíos y revisa su calidad.",
    },
    ErrorClass.CREDENTIALS: {
        (102, 190): _TOKEN_ENDED,
    },
    ErrorClass.PERMISSION: {
        (
            3,
            10,
            *range(200, 300),
        ): "Al token le falta un permiso. Dale pages_messaging, pages_manage_engagement y las tareas de la página.",
        (2018028,): "La app de Meta no está publicada. Pásala a modo activo en el panel de desarrolladores.",
    },
    ErrorClass.POLICY: {
        (368,): "Facebook bloqueó por un tiempo los envíos de la página por sus políticas. Revísalo con Dirección.",
    },
    ErrorClass.PAGE_RESTRICTED: {
        (1893063,): "Facebook restringió la página y no deja enviar mensajes. Revisa su calidad con Dirección.",
    },
    ErrorClass.SET_UP: {
        # What Graph says to a version that it does not know, or serves no more.
        (2500, 2635): "La versión de la API no existe o fue retirada. Corrígela en HUB_FACEBOOK__…__API_VERSION.",
    },
    ErrorClass.WINDOW: {
        (
            2018065,
            2018278,
            2534022,
        ): "Pasó el plazo para responder por Messenger desde el último mensaje del cliente. Usa otro canal.",
    },
    ErrorClass.RECIPIENT: {
        (
            551,
            1545041,
        ): "La persona no está disponible en Messenger: bloqueó a la página o cerró su cuenta. Usa otro canal.",
        (2018108,): "La persona no puede recibir mensajes de la página ahora. Intenta por otro canal.",
        (2018001,): "Esa persona no existe para la página. Revisa el contacto.",
        (9000001,): "La cuenta de la persona fue borrada. Intenta por otro canal.",
    },
    ErrorClass.THREAD_OWNER: {
        (
            2018300,
        ): "Otra aplicación lleva esta conversación. Contesta allá, o toma el control en la bandeja de la página.",
    },
    ErrorClass.ATTACHMENT: {
        (2018047,): "El archivo no es del tipo que se dijo. Envíalo como archivo adjunto.",
        (2018109,): "El archivo pasa de 25 MB. Envía uno más ligero o una liga.",
    },
    ErrorClass.COMMENT: {
        (506,): "Facebook rechazó el comentario por ser igual a otro reciente. Cambia el texto si hace falta.",
        (2534025,): "Ya no se puede contestar en privado a este comentario: pasó de 7 días o ya se contestó.",
    },
    ErrorClass.OURS: {
        (100, 1893061): "El hub armó mal el mensaje. Queda en los errores propios; avisa a soporte del hub.",
    },
}

TABLE: Final[dict[int, ProviderError]] = {
    code: ProviderError(kind, text) for kind, rows in _ROWS.items() for codes, text in rows.items() for code in codes
}

UNKNOWN_OBJECT: Final = 33
_APP_REMOVED: Final = "Se quitó la app de la página. Vuelve a conectarla y genera otro token."
_PASSWORD: Final = "Cambió la contraseña de quien dio el token. Genera otro con un usuario del sistema."  # noqa: S105
_CONFIRM: Final = "Facebook pide confirmar la cuenta de quien dio el token. Que entre a Facebook y luego genera otro."
PAIRS: Final[dict[tuple[int, int], ProviderError]] = {
    **{
        (code, subcode): ProviderError(ErrorClass.CREDENTIALS, text)
        for code in (102, 190)
        for subcode, text in {
            458: _APP_REMOVED,
            459: _CONFIRM,
            460: _PASSWORD,
            463: _TOKEN_ENDED,
            464: _CONFIRM,
            467: _TOKEN_ENDED,
            492: "Quien dio el token ya no administra la página. Genera otro con un usuario del sistema.",
        }.items()
    },
    (100, UNKNOWN_OBJECT): ProviderError(
        ErrorClass.SET_UP, "El identificador de la página está mal. Corrígelo en HUB_FACEBOOK__…__PAGES__…__ID."
    ),
}
COMMENT_GONE: Final = ProviderError(
    ErrorClass.COMMENT, "El comentario ya no existe o la página no lo puede ver. Búscalo en la publicación."
)

_UNKNOWN: Final = "Facebook devolvió el código {code}, que el hub no conoce. Búscalo en la lista de errores de Meta."
_NO_CODE: Final = "Facebook no pudo entregar el mensaje sin decir por qué. Intenta por otro medio."


def find(code: int, subcode: int | None) -> ProviderError | None:
    """Return the row of a code with its subcode; None when neither is known."""
    if subcode is not None:
        if subcode >= FIRST_SUBCODE and subcode in TABLE:
            return TABLE[subcode]
        if (code, subcode) in PAIRS:
            return PAIRS[code, subcode]
    return TABLE.get(code)


def explain(code: int | None, subcode: int | None = None) -> str:
    """Return what happened with what to do, in Spanish, for any code."""
    if code is None:
        return _NO_CODE
    known = find(code, subcode)
    return known.explanation_es if known else _UNKNOWN.format(code=code)


def outcome(
    known: ProviderError, name: str, *, attempt: int, retry_after_seconds: float | None = None
) -> NotTaken | Rejected:
    """Return what a refusal means for an effect.

    Args:
        known: The row of its code.
        name: The code as people see it, e.g. ``10/2018278``.
        attempt: Which attempt at the effect was refused, from 1.
        retry_after_seconds: What the provider asked for; kept unless the table knows of a longer wait.
    """
    text, wait = known.explanation_es, retry_after_seconds
    if known.kind in {ErrorClass.ABUSE, ErrorClass.POLICY, ErrorClass.PAGE_RESTRICTED}:
        wait = max(wait or 0.0, ABUSE_PAUSE_SECONDS)
    if known.kind in _CHANNEL_DOWN:
        return NotTaken(name, text, wait, scope="credential")
    if known.kind is ErrorClass.THROTTLE:
        return NotTaken(name, text, wait, scope="asset")
    if known.kind is ErrorClass.TRANSIENT or (known.kind is ErrorClass.ONE_RETRY and attempt <= 1):
        return NotTaken(name, text, wait)
    return Rejected(name, text)
