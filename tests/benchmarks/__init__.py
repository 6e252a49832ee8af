"""Figures: what takes longer, or more quiet, than a test may."""
