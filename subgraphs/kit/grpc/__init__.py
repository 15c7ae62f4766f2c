"""gRPC between services: a shared token, TLS, a deadline on every call, health, reflection, trace context."""
