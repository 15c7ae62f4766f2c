"""gRPC between services: a shared token, a deadline on every call, health, reflection, trace context."""
