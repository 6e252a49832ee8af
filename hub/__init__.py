"""The hub: takes in what channels deliver, loses nothing, lets handlers act on it."""
