"""Only a comment that asks for something wants an answer."""

from __future__ import annotations

import pytest

from hub.domain.comments import asks


@pytest.mark.parametrize(
    "text",
    [
        "¿Sirve para CFDI 4.0?",
        "sirve para nomina",
        "Precio",
        "info",
        "Info por favor 🙏 me interesa",
        "Como hago para actualizar",
        "No me deja timbrar la factura",
        "@Exsim necesito soporte urgente",
        "Buenas tardes, alguien me puede ayudar? marca error 500",
        "CUÁNTO CUESTA",
        "Tienen versión para Mac",
        "Muy bonito pero nunca contestan, no funciona",
    ],
)
def test_a_question_or_a_need_does(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "😍😍😍",
        "👍",
        "?",
        "¿?",
        "@Luis Pérez",
        "Luis Pérez",
        "#Microsip #CFDI",
        "https://example.com/?precio=1",
        "¡Excelente sistema, lo recomiendo!",
        "¡Qué padre!",
        "Felicidades al equipo de Exsim 👏",
        "Gracias, muy buena atención",
        "jajaja",
        "Presente",
    ],
)
def test_tags_emoji_links_praise_do_not(text: str) -> None:
    assert not asks(text)
