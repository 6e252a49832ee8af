"""Tests of hub.pipeline.effects."""
