"""Tasks moved on by what other services say: items, decisions, gates, lots, deliveries."""
