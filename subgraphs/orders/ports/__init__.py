"""What orders need of other services, as protocols; `grpc/clients.py` speaks to the real ones."""
