"""Everything that happened at a simulated provider, in order, on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from connectors._simulator.options import Clock

Entry = dict[str, Any]


class Ledger:
    """An append-only list of entries, each with ``seq``, ``at``, ``kind``.

    An entry is on disk before anybody is answered because of it.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        """Read what an earlier run wrote."""
        self._clock = clock
        self.entries: list[Entry] = _read(path) if path else []
        self._file = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
            if not path.read_bytes().endswith(b"\n") and self._file.tell():
                # A run that was killed left half a line.
                self._file.write(b"\n")

    def add(self, kind: str, **fields: Any) -> Entry:
        """Write one entry, then return it."""
        entry = {"seq": len(self.entries) + 1, "at": self._clock.now().isoformat(), "kind": kind, **fields}
        if self._file:
            self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        self.entries.append(entry)
        return entry

    def find(self, *, after: int = 0, **wanted: str) -> list[Entry]:
        """Return the entries behind a position whose fields are as wanted."""
        return [entry for entry in self.entries[after:] if all(str(entry.get(name)) == wanted[name] for name in wanted)]

    def close(self) -> None:
        """Give back the file."""
        if self._file:
            self._file.close()
            self._file = None


def _read(path: Path) -> list[Entry]:
    entries: list[Entry] = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            # Positions are counted, so a lost last line leaves no hole.
            entries.append({**entry, "seq": len(entries) + 1})
    return entries
