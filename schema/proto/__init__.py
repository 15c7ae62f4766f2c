"""gRPC contracts and the Python that `make proto` generates from them."""
