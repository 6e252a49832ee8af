"""From the journal to the database: split, normalized, resolved, recorded once."""

from hub.pipeline.ingest.ingester import Ingester
from hub.pipeline.ingest.mark import examine
from hub.pipeline.ingest.reporter import Reporter

__all__ = ["Ingester", "Reporter", "examine"]
