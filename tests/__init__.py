"""Everything that proves the hub."""
