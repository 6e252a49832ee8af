"""What each handler decides."""
