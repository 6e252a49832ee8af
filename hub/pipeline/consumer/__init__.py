"""One consumer group at work: in order per key, effect once, nothing passed over."""

from hub.pipeline.consumer.consumer import Consumer
from hub.pipeline.consumer.roster import join
from hub.pipeline.consumer.upkeep import Upkeep

__all__ = ["Consumer", "Upkeep", "join"]
