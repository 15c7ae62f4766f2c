"""The live status of orders, as subscriptions follow it."""
