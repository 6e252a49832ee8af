"""Everything that speaks Kafka; nothing else imports its libraries."""
