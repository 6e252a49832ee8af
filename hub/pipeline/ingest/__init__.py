"""From the journal to the database: split, normalized, resolved, recorded once."""

from hub.pipeline.ingest.ingester import Ingester
from hub.pipeline.ingest.mark import examine

__all__ = ["Ingester", "examine"]
