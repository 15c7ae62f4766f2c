"""Outgoing webhooks: events written down for whoever subscribed to them, signed and sent."""
