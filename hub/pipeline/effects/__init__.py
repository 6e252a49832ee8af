"""Everything that leaves the hub: in order per conversation, at a pace, never twice in silence."""

from hub.pipeline.effects.worker import EffectWorker

__all__ = ["EffectWorker"]
