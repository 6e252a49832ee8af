"""From customer to outcome, through the simulators over real sockets."""
