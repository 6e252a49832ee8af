"""The public listener over real sockets."""
