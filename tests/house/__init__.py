"""Tests of the house itself: its layers, its files, its closed doors."""
