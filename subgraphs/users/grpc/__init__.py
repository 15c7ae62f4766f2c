"""The gRPC services that this subgraph offers to the others."""
