"""The parts of which a consumer group is made."""
