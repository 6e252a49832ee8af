"""What the hub does on a real Kafka."""
