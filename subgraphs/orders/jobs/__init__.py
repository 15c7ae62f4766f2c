"""Background work of the orders service, each a `Job` of the kit's runner."""
