"""What `make check`, `make schema` and `make proto` run."""
