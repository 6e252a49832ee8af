"""What customers of an invoicing system send every day passes; what runs is set apart."""

from __future__ import annotations

import io
import zipfile

import pytest

from hub.domain.suspicion import Contents, suspicion, type_of
from hub.pipeline.files.examination import examine


def contents(raw: bytes) -> Contents:
    return examine(io.BytesIO(raw), len(raw))


def zipped(*names: str, before: bytes = b"") -> bytes:
    file = io.BytesIO()
    file.write(before)
    with zipfile.ZipFile(file, "a") as archive:
        for name in names:
            archive.writestr(name, b"x" * 20)
    return file.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000)
BREAD = {
    "factura.xml": b'<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante Version="4.0"/>',
    "factura.pdf": b"%PDF-1.7\n",
    "respaldo.zip": zipped("MICROSIP.FBK", "cfdi/a.xml", "leeme.txt"),
    "EMPRESA.FDB": b"\x01\x00\x39\x30" * 100,
    "EMPRESA.gbk": b"\x00\x01\x02",
    "contpaqi.bak": b"TAPE\x00\x00\x03\x00",
    "ventas.xlsx": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "viejo.xls": OLE,
    "nota.txt": b"MZ es la clave que usamos",
    "sello.cer": b"\x30\x82\x05",
    "llave.key": b"\x30\x82\x05",
    "correo.html": b"<!doctype html><html><body>Hola</body></html>",
    "voz.amr": b"#!AMR\n",
    "sin nombre": b"",
}
TRAPS = {
    "factura.pdf": b"MZ\x90\x00\x03",
    "factura.pdf.exe": b"%PDF-1.7",
    "factura.EXE. ": b"x",
    "lista.xlsm": zipped("xl/workbook.xml"),
    "lista.xlsx": zipped("xl/workbook.xml", "xl/vbaProject.bin"),
    "viejo.doc": OLE + "_VBA_PROJECT".encode("utf-16-le"),
    "fotos.zip": zipped("foto1.jpg", "ver.JS"),
    "foto.jpg": zipped("a.scr", before=b"PK\x03\x04" + bytes(300)),
    "pagina.html": b"<html><script>alert(1)</script></html>",
    "dibujo.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    "guion": b"#!/bin/sh\n",
    "linux": b"\x7fELF\x02",
    "enlace.txt": b"L\x00\x00\x00\x01\x14\x02\x00",
}


@pytest.mark.parametrize("name", BREAD)
def test_daily_bread_passes(name: str) -> None:
    assert suspicion(contents(BREAD[name]), name) is None


@pytest.mark.parametrize("name", TRAPS)
def test_what_runs_is_set_apart(name: str) -> None:
    assert suspicion(contents(TRAPS[name]), name)


def test_a_company_may_add_endings() -> None:
    assert suspicion(contents(b"x"), "plano.dwg", ["dwg"]) == "su nombre termina en .dwg"
    assert suspicion(contents(zipped("plano.dwg")), "plano.zip", ["dwg"])


def _with_comment(raw: bytes, comment: bytes) -> bytes:
    return raw[:-2] + len(comment).to_bytes(2, "little") + comment


@pytest.mark.parametrize(
    "raw",
    [
        _with_comment(zipped("factura.exe"), b"PK\x05\x06" + bytes(19)),
        zipped("factura.exe")[:-22],
        zipped("factura.exe") + b"x",
    ],
    ids=["a false end in the comment", "no end", "more behind the end"],
)
def test_an_archive_whose_directory_cannot_be_trusted_is_set_apart(raw: bytes) -> None:
    assert contents(raw).names is None
    assert suspicion(contents(raw), "factura.zip")


def test_an_archive_with_a_comment_passes() -> None:
    assert suspicion(contents(_with_comment(zipped("a.xml"), b"hecho con WinZip")), "a.zip") is None


def test_an_archive_that_announces_a_huge_directory_is_not_read() -> None:
    raw = bytearray(zipped("a.txt"))
    at = raw.rfind(b"PK\x05\x06")
    raw[at + 12 : at + 16] = b"\xff\xff\xff\x7f"

    assert contents(bytes(raw)).names is None
    assert suspicion(contents(bytes(raw)), "a.zip")


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"%PDF-1.4", "application/pdf"),
        (zipped("word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (zipped("a.txt"), "application/zip"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("\ufeff<?xml version='1.0'?>".encode(), "application/xml"),
        (b"hola", None),
    ],
)
def test_the_bytes_tell_the_type(raw: bytes, found: str | None) -> None:
    assert type_of(contents(raw)) == found
