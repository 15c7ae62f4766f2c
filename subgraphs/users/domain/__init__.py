"""Accounts, sessions and roles, free of any store or framework; one module a noun."""
