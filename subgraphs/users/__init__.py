"""Accounts, sessions, permissions and what was done with them.

Owns: `User`, `Session`, `Activity`, `AuthPayload`, the roles and their permissions; PostgreSQL database
`users`. It sends e-mails to the owners of accounts, and limits the rate of attempts. It signs access tokens and
publishes the keys that verify them at `/.well-known/jwks.json`.
Extends: nothing. Emits: `UserRegistered`. Consumes: what happens to orders, of which it tells their customers
by e-mail and in the activity log.
"""
