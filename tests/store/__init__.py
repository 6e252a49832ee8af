"""SQLite as the store of one hub: what the contract leaves to it."""
