"""One suite for each promise, run on every implementation."""
