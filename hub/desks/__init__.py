"""Adapters to outer systems that are no channel."""
