"""The three subgraphs and the platform they share (`kit`)."""
