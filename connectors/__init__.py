"""Channels, one folder each; discovery reads ``CONNECTOR`` from every folder."""
