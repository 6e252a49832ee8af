"""Reactions to events, one consumer group a file; discovery reads ``HANDLER`` from every file."""
