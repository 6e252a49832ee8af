"""The durable place of what was answered 2xx until it is ingested: a directory of SQLite segments."""

from hub.pipeline.journal.reader import Cursor, Entry, JournalMismatch, JournalReader
from hub.pipeline.journal.writer import JournalWriter

__all__ = ["Cursor", "Entry", "JournalMismatch", "JournalReader", "JournalWriter"]
