"""The gRPC clients of the orders service; it serves none."""
