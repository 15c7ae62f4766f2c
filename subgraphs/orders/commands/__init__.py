"""What the command line does beside `serve`, `migrate` and `schema`."""
