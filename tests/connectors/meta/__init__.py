"""What the channels of Meta have in common."""
