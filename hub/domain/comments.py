"""Decides which public comments want an answer."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# A question without its marks begins with one of these.
_ASKING: Final = (
    "como|cuando|donde|cual|cuales|cuanto|cuanta|cuantos|cuantas|quien|quienes|que precio|que costo|que incluye|"
    "alguien sabe|hay alguna|tienen|manejan|hacen|se puede|puedo|es posible|sirve|funciona"
)
# Wanting something, wherever it stands.
_WANTING: Final = (
    "precio|precios|costo|costos|cotizacion|cotizar|cotizan|informes|informacion|mas info|me interesa|quiero|"
    "quisiera|necesito|necesitamos|ayuda|ayudan|ayudarme|ayudenme|soporte|demo|demostracion|contacto|contactar|"
    "no puedo|no podemos|no me deja|no nos deja|no funciona|no sirve|no abre|no timbra|no jala|no contestan|"
    "me marca|marca error|error|errores|falla|fallas|problema|problemas|urgente|urge"
)
_OPENS: Final = re.compile(rf"\W*(?:{_ASKING})\b")
_WANTS: Final = re.compile(rf"\b(?:{_WANTING})\b")
_INFO: Final = re.compile(r"\W*(?:info|inbox|mp)\W*")
_LETTERS: Final = re.compile(r"[a-z]{2}")
_LINK: Final = re.compile(r"https?://\S+|www\.\S+")
_TAG: Final = re.compile(r"[@#][\w.]+")


def asks(text: str) -> bool:
    """Say whether a comment asks for something; tags, emoji, links, praise do not.

    A doubtful one counts as no question: a public page forgives silence sooner than a robot that answers applause.
    """
    plain = _plain(text)
    if not _LETTERS.search(plain):
        return False
    return "?" in plain or bool(_OPENS.match(plain) or _WANTS.search(plain) or _INFO.fullmatch(plain))


def _plain(text: str) -> str:
    """Return a text in lower case without accents, addresses, tags; an upside-down mark counts as a mark."""
    bare = _TAG.sub(" ", _LINK.sub(" ", text)).replace("¿", "?").casefold()
    return "".join(char for char in unicodedata.normalize("NFD", bare) if not unicodedata.combining(char)).strip()
