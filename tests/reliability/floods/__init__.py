"""Hostile clients against the real process, at any size."""
