"""What simulated providers share: a ledger, signed webhooks, a server that misbehaves on demand."""
