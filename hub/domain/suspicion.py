"""Tells from its first bytes what a file is, from its contents whether to set it apart.

XML, PDF, ZIP with back-ups of databases are what customers of an invoicing system send every day: none is suspicious.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 4096
"""How much of a file's beginning is looked at."""

_PROGRAMS: Final = (
    "apk bat chm cmd com cpl dll exe gadget hta inf ins iso jar jnlp js jse lnk msc msi msp mst pif ps1 "
    "ps1xml psm1 reg scf scr sct sh sys url vb vbe vbs vhd vhdx wsc wsf wsh docm dotm pptm potm ppam ppsm "
    "sldm xlam xll xlsm xltm"
)
ENDINGS: Final = frozenset(_PROGRAMS.split())
"""What runs when it is opened, or holds macros."""

ZIP: Final = "application/zip"
OLE: Final = "application/x-ole-storage"
_OFFICE: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"{\\rtf", "application/rtf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_RUNS: Final = (
    (b"MZ", "un programa de Windows"),
    (b"\x7fELF", "un programa de Linux"),
    (b"\xcf\xfa\xed\xfe", "un programa de macOS"),
    (b"\xca\xfe\xba\xbe", "un programa de Java o macOS"),
    (b"dex\n", "un programa de Android"),
    (b"ITSF", "ayuda compilada de Windows"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "un acceso directo de Windows"),
)
_MARKED_SCRIPT: Final = ("<script", "<hta:", "javascript:")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in a file.

    Attributes:
        head: Its first ``HEAD_BYTES``.
        names: Of what an archive holds; None when there are too many to look at.
        has_macros: Whether an old office document holds a macro project.
    """

    head: bytes
    names: tuple[str, ...] | None = ()
    has_macros: bool = False


def type_of(contents: Contents) -> str | None:
    """Return the MIME type that the bytes tell; None when they tell nothing."""
    head = contents.head
    found = next((found for magic, found in _MAGIC if head.startswith(magic)), None)
    if found is not None:
        return _office(contents.names or ()) if found == ZIP else found
    return _media(head) or _page(head)


def suspicion(contents: Contents, filename: str | None, further: Collection[str] = ()) -> str | None:
    """Return in Spanish why a file is to be set apart, None when it is not.

    Args:
        contents: What was found in it.
        filename: As the sender called it.
        further: Endings of the company's own that count as suspicious.
    """
    endings = {*ENDINGS, *further}
    ending = _ending(filename or "")
    named = f"su nombre termina en .{ending}" if ending in endings else None
    return _program(contents.head) or named or _packed(contents, endings) or _scripted(contents.head, ending)


def _program(head: bytes) -> str | None:
    if head.startswith(b"#!") and not head.startswith(b"#!AMR"):
        return "un guion ejecutable"
    for magic, what in _RUNS:
        # Two letters alone begin many a text: a program has nothing readable behind them.
        if head.startswith(magic) and (len(magic) > len(b"MZ") or b"\x00" in head):
            return what
    return None


def _packed(contents: Contents, endings: Collection[str]) -> str | None:
    if contents.names is None:
        return "un archivo comprimido con más dentro de lo que se puede revisar"
    if contents.has_macros or any(name.lower().endswith("vbaproject.bin") for name in contents.names):
        return "un documento de Office con macros"
    found = next((ending for name in contents.names if (ending := _ending(name)) in endings), None)
    return None if found is None else f"un archivo comprimido con un .{found} dentro"


def _scripted(head: bytes, ending: str) -> str | None:
    text = _text(head).lower()
    if "<svg" not in text and "<html" not in text and ending not in {"html", "htm", "svg"}:
        return None
    found = next((word for word in _MARKED_SCRIPT if word in text), None)
    return f"una página con {found}" if found else None


def _media(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] == b"M4A" else "video/3gpp" if head[8:10] == b"3g" else "video/mp4"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:2] in {b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"}:
        return "audio/mpeg"
    return "audio/aac" if head[:2] in {b"\xff\xf1", b"\xff\xf9"} else None


def _page(head: bytes) -> str | None:
    text = _text(head).lstrip("\ufeff \t\r\n")
    if text.startswith("<?xml"):
        return "application/xml"
    return "text/html" if text[:15].lower().startswith(("<!doctype html", "<html")) else None


def _ending(name: str) -> str:
    """Return what decides about opening: Windows passes over dots with spaces at the end."""
    return name.rstrip(". \t").rpartition(".")[2].lower() if "." in name.rstrip(". \t") else ""


def _office(names: tuple[str, ...]) -> str:
    return next((found for start, found in _OFFICE.items() if any(name.startswith(start) for name in names)), ZIP)


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    return head.decode("utf-8", "replace")
