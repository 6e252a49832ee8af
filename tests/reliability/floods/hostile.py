"""Bodies that a provider would never send, some of which a parser must not survive being asked to read."""

from __future__ import annotations

import copy
import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.features.catalogue import ROOT

_SAMPLES: Final = ROOT / "connectors" / "whatsapp" / "samples"
_TIMESTAMP: Final = re.compile(r'("timestamp":\s*)"?\d+"?')
MOST_BYTES: Final = 3 * 1024 * 1024
_HUGE: Final = "á" * 40_000
_WRONG: Final[tuple[Any, ...]] = (
    None,
    "",
    0,
    -1,
    10**40,
    1.5e308,
    True,
    [],
    {},
    [None],
    [[[]]],
    {"": None},
    "\x00",
    "a\x00b",
    "\u202e\u2028",
    _HUGE,
    "unheard_of",
    "2026-13-45",
    ["x"] * 2000,
)

Json = Any


def samples() -> list[bytes]:
    """Return what the provider really sends, dated today."""
    now = str(int(time.time()))
    return [
        _TIMESTAMP.sub(rf'\g<1>"{now}"', path.read_text()).encode()
        for path in sorted(_SAMPLES.glob("*.json"))
        if not path.name.endswith(".events.json")
    ]


def bombs(depth: int = 100_000) -> dict[str, bytes]:
    """Return bodies by what is wrong with them."""
    text = min((body for body in samples() if b'"body"' in body), key=len)
    plain = json.loads(text)
    escaped = json.dumps(plain)

    def said(words: str) -> bytes:
        """Put raw JSON in the place of what the customer said."""
        return re.sub(r'("body":\s*)"[^"]*"', lambda match: match[1] + words, escaped, count=1).encode()

    return {
        "deep lists": b"[" * depth + b"]" * depth,
        "deep lists, never closed": b"[" * depth,
        "deep objects": b'{"a":' * depth + b"1" + b"}" * depth,
        "deep under entry": b'{"object":"whatsapp_business_account","entry":' + b"[" * depth + b"]" * depth + b"}",
        "deep in a text": said("[" * depth + "]" * depth),
        "a number of 5,000 digits": said("9" * 5000),
        "a timestamp of 5,000 digits": _TIMESTAMP.sub(r"\g<1>" + "9" * 5000, escaped).encode(),
        "1e400": said("1e400"),
        "NaN": said("NaN"),
        "Infinity": said("-Infinity"),
        "duplicate keys": escaped.replace("{", '{"entry":[],"object":"page",', 1).encode(),
        "10,000 times the same key": b"{" + b'"entry":[],' * 10_000 + b'"object":"whatsapp_business_account"}',
        "100,000 keys": json.dumps({str(number): number for number in range(100_000)}).encode(),
        "a lone surrogate": said(r'"\ud800"'),
        "a surrogate in a key": escaped.replace("{", r'{"\udfff":1,', 1).encode(),
        "NUL": said(r'"a\u0000b"'),
        "a raw NUL": said('"a\x00b"'),
        "a byte order mark": b"\xef\xbb\xbf" + text,
        "UTF-16": text.decode().encode("utf-16"),
        "UTF-32": text.decode().encode("utf-32"),
        "no UTF-8": text.replace(b'"', b'"\xff\xfe', 5),
        "empty": b"",
        "blank": b" \r\n\t",
        "no JSON": b"<html></html>",
        "null": b"null",
        "a string": b'"whatsapp_business_account"',
        "a list": b"[" + text + b"]",
        "two documents": text + text,
        "cut off": text[: len(text) // 2],
        "a text of 3 MB": said(json.dumps("x" * 3_000_000)),
        "1,000 nulls for changes": json.dumps({**plain, "entry": [{"id": "1", "changes": [None] * 1000}]}).encode(),
        "100,000 entries": json.dumps({**plain, "entry": [{}] * 100_000}).encode(),
    }


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Yield recorded payloads with one to four things wrong, the same for the same seed; none is too large."""
    chance = random.Random(seed)
    originals = samples()
    for number in range(count):
        original = chance.choice(originals)
        if chance.random() < 0.3:
            yield _with_wrong_bytes(original, chance)
            continue
        document = json.loads(original)
        for _ in range(chance.randint(1, 4)):
            document = _with_wrong_value(document, chance, number)
        wrong = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        yield wrong if len(wrong) <= MOST_BYTES else original


def _with_wrong_bytes(original: bytes, chance: random.Random) -> bytes:
    found = bytearray(original)
    for _ in range(chance.randint(1, 6)):
        at, size = chance.randrange(len(found) or 1), chance.randint(1, 40)
        match chance.randrange(5):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + size]
            case 2:
                found[at:at] = chance.randbytes(size)
            case 3:
                found[at:at] = found[at : at + size]
            case _:
                found = found[: max(at, 1)]
    return bytes(found)


def _with_wrong_value(document: Json, chance: random.Random, number: int) -> Json:
    """Change one place anywhere in a document."""
    places = list(_places(document))
    if not places:
        return chance.choice(_WRONG)
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [copy.deepcopy(holder[key])]
        case 2 if isinstance(holder, dict):
            holder[f"unheard of {number}"] = copy.deepcopy(holder[key])
        case 3 if isinstance(holder, list):
            holder.extend(copy.deepcopy(holder[key]) for _ in range(chance.randint(1, 30)))
        case 4 if isinstance(holder[key], str):
            holder[key] = f"{holder[key]}{number}"
        case _:
            holder[key] = copy.deepcopy(chance.choice(_WRONG))
    return document


def _places(value: Json) -> Iterator[tuple[Any, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from _places(child)
