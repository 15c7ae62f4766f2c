"""Accounts, sessions, permissions and what was done with them.

Owns: `User`, `Session`, `Activity`, `AuthPayload`, the roles and their permissions; PostgreSQL database
`users`. It sends letters to the owners of accounts, and throttles those who try too often. It signs access
tokens and publishes the keys that verify them at `/.well-known/jwks.json`.
Extends: nothing. Emits: `UserRegistered`. Consumes: nothing.
"""
