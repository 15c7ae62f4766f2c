"""The rules of orders, pure: a module for each noun, the events, the errors and the permissions."""
