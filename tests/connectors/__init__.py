"""Tests of the channels, one folder each."""
