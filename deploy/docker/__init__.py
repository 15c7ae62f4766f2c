"""What containers run beside the services."""
