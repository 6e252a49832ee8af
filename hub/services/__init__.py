"""Use cases, one file an aggregate; the only writers of state."""
