"""What others than the router send to the orders service over HTTP."""
