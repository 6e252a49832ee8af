"""How groups hear that a key has something new."""
