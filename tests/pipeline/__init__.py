"""The journal with its intake, on real files."""
