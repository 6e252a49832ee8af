"""Decides which public comments want an answer."""

from __future__ import annotations

import re
import unicodedata
from typing import Final


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b")


# Needs and complaints, wherever they stand, whatever is praised beside them.
_NEEDS: Final = _words(
    "me interesa|nos interesa|interesad[oa]s?|quiero|queremos|quisiera|quisieramos|necesito|necesitamos|ocupo|ocupamos",
    "requiero|cotizacion|cotizar|cotizan|cotizarme|informes|mas info|auxilio|urgente|urge|ayudenme|ayudeme|ayudame",
    "ayudarme|porqueria",
    "no puedo|no podemos|no (?:me |nos |se |lo )?(?:deja|dejan|funciona|funcionan|sirve|sirven|abre|timbra|jala|carga)",
    "no (?:me |nos |les |se )?(?:contestan|responden|atienden|resuelven|ayudan|dan|imprime|aparece|permite|conecta)",
    "(?:nadie|nunca) (?:me |nos )?(?:contestan?|responden?|atienden?|resuelven?|ayudan?)|contesten|respondan",
    "me marca|marca error|error|errores|falla|fallas|fallando|sin (?:soporte|respuesta|sistema|servicio)",
    r"(?:tengo|tenemos|traigo|sigo con|seguimos con|hay) (?:\w+ ){0,2}problemas?|(?:me|nos) (?:pueden?|podrian?)",
    "alguien (?:que )?(?:me |nos )?(?:puede|podria|ayude|conteste)|(?:ayuda|soporte|contacto) por ?fa(?:vor)?",
    "ya no (?:me|nos|le|se|abre|entra|guarda)|se (?:me |nos )?(?:traba|trabe|cierra|cierre|congela|cae|cayo|borra)",
    "no (?:los? |las? )?recomiendo|pesim[oa]s?|mal (?:servicio|soporte)|mala (?:atencion|experiencia)|queja|fraude",
    r"(?:llevo|llevamos) (?:\w+ ){1,4}(?:esperando|sin)|dudas? (?:con|de|sobre)",
)
# What is asked for when nothing else is said; beside praise it may be what is praised.
_WANTED: Final = _words(
    "precios?|costos?|informacion|info|demo|demostracion(?:es)?|presentacion|problemas? (?:con|para|al)"
)
# Wanted only by who says so.
_HELP: Final = _words("ayuda|ayudan|ayudar|apoyo|soporte|contacto|contactar|problemas?")
_WANTING: Final = _words(
    "tengo|tenemos|traigo|tuve|me pueden?|nos pueden?|pueden?|podrian?|alguien|quien|denme|dame|deme|manden|manda",
    "pido|solicito|busco|buscamos|falta|espero|esperando|por ?favor|porfa|porfavor|xfa|favor de|con quien",
    "me ayudan|nos ayudan|sigo con|seguimos con|hay",
)
_ALONE: Final = re.compile(r"\W*(?:info|inbox|mp|ayuda+|soporte|contacto|problemas?)\W*")

# A question without its marks begins with one of these, after a greeting or a name.
_OPENS: Final = re.compile(
    r"\W*(?:(?:hola|buenas?|buenos|dias?|tardes?|noches?|oigan?|disculpen?|una? (?:pregunta|duda))\W+)*(?:"
    r"cuant[oa]s? (?:cuestan?|salen?|valen?|es|seria|cobran|tarda|tiempo|usuarios)|que (?:precio|costo|incluye)|"
    r"como (?:funcionan?|puedo|podemos|podria|hago|hacemos|le hago|le hacemos|contrato)|"
    r"como (?:instalo|descargo|actualizo|cancelo)|"
    r"donde (?:puedo|podemos|consigo|compro|descargo|estan)|alguien sabe|hay alguna|se puede|puedo|podemos|es posible"
    r")\b"
)
# So may a statement, praise above all.
_MAY_OPEN: Final = re.compile(
    r"\W*(?:cuando|donde|cual|cuales|cuant[oa]s?|quien|quienes|manejan|hacen|venden|dan|trabajan|"
    r"facturan|atienden|aceptan|cuentan con|"
    r"tienen (?!tod[oa]s?\b|mi\b|muy\b|muchos?\b|much[oa]\b)|"
    r"como (?!siempre\b|nunca\b|todo\b|debe\b|usuari[oa]\b|cliente\b)(?:se|es|le|lo|la|\w+(?:o|ar|er|ir)(?:l[oa]s?)?)|"
    r"(?:sirve|funciona) (?:para|con|en))\b"
)
_PRAISE: Final = _words(
    r"excel\w+|felici\w+|felic\w+|feliz|mejor|mejores|genial|increibles?|maravill\w+|fantastic\w+|buenisim\w+",
    r"perfect\w+|encant\w+|recom[ei]+nd\w+|bravo|chingon\w*|padre|padrisim\w+|chid[oa]s?|eficien\w+|profesional\w*",
    r"amables?|amabilidad|calidad|exitos?|bendi\w+|content[oa]s?|satisfech\w+|agrade\w+|gratitud|orgull\w+|confiables?",
    r"muy (?:bien|buen[oa]?s?|util|practico|rapid[oa]s?|completo|atent[oa]s?)|super (?:bien|buen[oa]?)|bien hecho",
    r"gran|grandes|grandios[oa]s?|buen[oa]? (?:servicio|sistema|trabajo|soporte|atencion|apoyo|equipo|ayuda)",
    r"de (?:primera|lujo|diez)|lo maximo|impecables?|resolvieron|solucionaron|rapidisim[oa]s?|gracias (?:por|a)",
    r"(?:muchas|mil|muchisimas|infinitas) gracias",
)
_THANKS_FIRST: Final = re.compile(r"\W*(?:gracias(?! de antemano)|agradezco)\b")

# Words of want or trouble that praise is made of: taken out before anything is judged.
_GOOD: Final = r"(?:excelentes?|buen[oa]?s?|mejor(?:es)?|gran|baj[oa]s?|just[oa]s?|accesibles?|increibles?)"
_NOUN: Final = r"(?:ayuda|apoyo|soporte|contacto|precios?|costos?|informacion|informes|info|demo|demostracion)"
_APPLAUSE: Final = re.compile(
    rf"\b(?:gracias por (?:\w+ ){{0,3}}?(?:{_NOUN}|ayudar\w*|contestar\w*|responder\w*)|"
    rf"{_GOOD} {_NOUN}|{_NOUN} (?:muy |mas |super )?{_GOOD}|"
    r"(?:sin|cero|ningun|ninguna|(?:nunca|jamas)(?: he tenido| hemos tenido| dan?)?|"
    r"no (?:hay|he tenido|hemos tenido|tengo|tenemos|tuve|da|dan|tiene)) "
    r"(?:(?:ningun|ninguna|un|una|ni) )*(?:solo |sola )?(?:problemas?|error|errores|fallas?)(?: algun[oa]?)?|"
    r"(?:quiero|queremos|quisiera|quisieramos) (?:\w+ )?(?:agradecer\w*|felicitar\w*|recomendar\w*|reconocer\w*)|"
    r"no (?:necesito|necesitamos) (?:mas|nada|otr[oa]))\b"
)
_LETTERS: Final = re.compile(r"[a-z]{2}")
_LINK: Final = re.compile(r"https?://\S+|www\.\S+")
_TAG: Final = re.compile(r"[@#][\w.]+")


def asks(text: str) -> bool:
    """Say whether a comment asks for something; tags, emoji, links, praise do not.

    A question mark always asks; so does a need or a complaint, praise beside it or not: a lost customer is worse than
    an answered praise. What may be praise as well asks only where nothing is praised.
    """
    plain = _plain(text)
    if not _LETTERS.search(plain):
        return False
    if "?" in plain:
        return True
    bare = _APPLAUSE.sub(" ", plain)
    if _NEEDS.search(bare) or _OPENS.match(bare) or _ALONE.fullmatch(bare):
        return True
    wanting = _WANTING.search(bare) is not None
    if _PRAISE.search(plain) or _THANKS_FIRST.match(plain):
        return wanting and bool(_WANTED.search(bare))
    return bool(_MAY_OPEN.match(bare) or _WANTED.search(bare) or (wanting and _HELP.search(bare)))


def _plain(text: str) -> str:
    """Return a text in lower case without accents, addresses, tags, line breaks; "¿" counts as a mark."""
    bare = _TAG.sub(" ", _LINK.sub(" ", text)).replace("¿", "?").casefold()
    plain = "".join(char for char in unicodedata.normalize("NFD", bare) if not unicodedata.combining(char))
    return " ".join(plain.split())
