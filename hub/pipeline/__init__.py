"""The path of an event: intake, journal, ingest, consumer, timers, effects."""
