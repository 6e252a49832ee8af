"""The whole hub in one thread, in virtual time, with every fault chosen by a seed."""
