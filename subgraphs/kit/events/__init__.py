"""Events between services: their envelope, the streams that carry them, and their consumers."""
