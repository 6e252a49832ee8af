"""Tests of hub.pipeline.ingest."""
