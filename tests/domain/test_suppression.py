"""Only the word alone opts out (R-C12)."""

from __future__ import annotations

import pytest

from hub.domain.suppression import wish


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BAJA", "stop"),
        (" baja. ", "stop"),
        ("¡Alto!", "stop"),
        ("Stop", "stop"),
        ("ALTA", "start"),
        ("«alta»", "start"),
        ("¿cómo doy de baja a un usuario?", None),
        ("dar de alta un cliente", None),
        ("baja baja", None),
        ("bajar", None),
        ("", None),
        ("👍", None),
    ],
)
def test_the_word_alone_decides(text: str, expected: str | None) -> None:
    assert wish(text) == expected
