"""From the journal to the database: split, normalized, resolved, recorded once."""

from hub.pipeline.ingest.ingester import Ingester

__all__ = ["Ingester"]
