"""The published language of the hub: the events that every part speaks."""
