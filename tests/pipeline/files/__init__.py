"""How files that came with messages are fetched."""
