"""Accounts, sessions and permissions.

Owns: `User`, `AuthPayload`, the roles and their permissions; PostgreSQL database `users`. It signs access
tokens and publishes the keys that verify them at `/.well-known/jwks.json`.
Extends: nothing. Emits: `UserRegistered`. Consumes: nothing.
"""
