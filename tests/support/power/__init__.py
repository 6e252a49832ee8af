"""The power cut: a hub's disk is recorded, rebuilt as a cut would leave it, judged."""
