"""Every file says what it is for, stays short, names no place where it was made."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.features.catalogue import ROOT

SOURCES = {"hub", "connectors", "handlers", "schemas", "tests"}
MOST_LINES = 300
GENERATED = {"published", "versions"}
DOTTED = {".ci", ".gitignore"}
EXPLAINED = {".py", ".toml", ".yml", ".yaml", ".sh", ".js", ".css", ".html"}
EXPLAINED_NAMES = {"Makefile", ".ci/run"}
COMMENT = re.compile(r"(?:<!doctype html>)?(#|//|/\*|<!--|\{#)\s*\w", re.IGNORECASE)
AND = re.compile(r"\band\b", re.IGNORECASE)
DOCSTRING = re.compile(r'r?"""\w')

# Put together here, so that this file does not find itself.
PLACES = re.compile(
    "|".join(
        [
            r"(?<![\w.])/(?:work|root|home)/[\w.]",
            re.escape("pypi" + ".org"),
            re.escape("pythonhosted" + ".org"),
            re.escape("npmjs" + ".org"),
            re.escape("crates" + ".io"),
            re.escape("golang" + ".org"),
            re.escape("maven.apache" + ".org"),
        ]
    )
)


def files() -> Iterator[Path]:
    """Yield the project's own files, relative to its root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name in DOTTED or not name.startswith((".", "__pycache__"))]
        folders[:] = [name for name in folders if not name.endswith(".egg-info")]
        for name in names:
            if name in DOTTED or not name.startswith("."):
                yield (Path(folder) / name).relative_to(ROOT)


FILES = sorted(files())
TEXTS = {path: (ROOT / path).read_bytes().decode("utf-8", "replace") for path in FILES}


def first_line(path: Path) -> str:
    """Return the line that explains the file; the system reads a shebang before it."""
    lines = TEXTS[path].split("\n")
    return lines[1] if lines[0].startswith("#!") else lines[0]


def explained() -> list[Path]:
    """Return the files whose format has comments."""
    return [path for path in FILES if path.suffix in EXPLAINED or path.as_posix() in EXPLAINED_NAMES]


def is_source(path: Path) -> bool:
    """Say whether people write the file: what is generated is as long as what it describes."""
    return path.parts[0] in SOURCES and path.suffix in EXPLAINED and GENERATED.isdisjoint(path.parts)


def test_the_walk_sees_the_house() -> None:
    assert {Path("Makefile"), Path(".ci/run"), Path("pyproject.toml"), Path("hub/__init__.py")} <= set(FILES)


def test_the_first_line_explains_each_file() -> None:
    silent = [
        f"{path}:1: {first_line(path)!r}"
        for path in explained()
        if not (DOCSTRING if path.suffix == ".py" else COMMENT).match(first_line(path))
    ]

    assert silent == [], "line 1 says what the file is for"


def test_no_file_is_two() -> None:
    doubled = [f"{path}:1: {first_line(path)}" for path in explained() if AND.search(first_line(path))]

    assert doubled == [], "a first line that needs an 'and' tells of two files in one"


def test_files_are_short() -> None:
    lengths = {path: TEXTS[path].count("\n") for path in FILES if is_source(path)}

    assert {str(path): length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in TEXTS.items()
        for number, line in enumerate(text.split("\n"), 1)
        if PLACES.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "cd /" + "work/main",
        "see /" + "root/.venv",
        "https://pypi" + ".org/simple",
        "http://maven.apache" + ".org/POM/4.0.0",
        "open('/" + "home/ana/x')",
    ],
)
def test_the_pattern_bites(line: str) -> None:
    assert PLACES.search(line)
