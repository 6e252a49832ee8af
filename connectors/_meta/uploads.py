"""Hands one file of the hub's own over to the Graph API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Final

from connectors._meta.bodies import read_object
from connectors._meta.transport import Answer, Broken, Credentials, Form, GraphTransport, NoCredentialsError
from hub.contracts import KeptFile, NotTaken, Outcome, Rejected, Uploaded

_ID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)
_OK: Final = 200
_UNNAMED: Final = "archivo"
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\"\\/]")


@dataclass(frozen=True)
class Place:
    """Where one kind of file goes.

    Attributes:
        fields: What stands in the form beside the file.
        part: The part of the form that holds the file.
        names: The field of the answer that names what was made.
        judge: Says what any other answer means.
        product: What people call the provider.
    """

    url: str
    fields: Mapping[str, str]
    part: str
    names: str
    judge: Callable[[Answer], Outcome]
    product: str


async def hand_over(
    transport: GraphTransport, place: Place, file: KeptFile, credentials: Credentials
) -> Uploaded | NotTaken | Rejected:
    """Make one attempt; never raises for what provider or network do.

    Nothing is ever in doubt: a file that was taken twice stands there twice, which nobody sees.
    """
    try:
        opened = await asyncio.to_thread(file.path.open, "rb")
    except OSError:
        return Rejected("file_gone", "El archivo no está en el hub, o no en esta máquina (HUB_MEDIA_DIR).")
    try:
        answer = await transport.upload(place.url, _form(place, file, opened), credentials)
    except NoCredentialsError:
        text = f"No se puede leer el token o el secreto de la app de {place.product}. Revisa sus archivos (modo 0600)."
        return NotTaken("credential_file", text, scope="credential")
    finally:
        opened.close()
    again = f"{place.product} no recibió el archivo; se reintenta solo."
    if isinstance(answer, Broken):
        return NotTaken("upload", again)
    if answer.status == _OK:
        found = read_object(answer.body).get(place.names)
        made = str(found) if isinstance(found, str | int) else ""
        return Uploaded(made) if _ID.fullmatch(made) else NotTaken("upload", again)
    outcome = place.judge(answer)
    return outcome if isinstance(outcome, NotTaken | Rejected) else NotTaken(f"http_{answer.status}", again)


def _form(place: Place, file: KeptFile, opened: IO[bytes]) -> Form:
    name = _UNFIT.sub("_", file.filename or _UNNAMED)
    return Form(place.fields, place.part, opened, name, file.mime_type)


def within(file: KeptFile, most_bytes: int, product: str) -> Rejected | None:
    """Return why a file is too large, or empty, for a provider; None when it is neither."""
    if not file.size_bytes:
        return Rejected("file_empty", "El archivo está vacío. Adjunta otro.")
    if file.size_bytes > most_bytes:
        most = f"{most_bytes // 2**20} MB"
        return Rejected(
            "file_too_large", f"{product} admite hasta {most} de este tipo. Comprímelo o comparte un enlace."
        )
    return None
