"""Who is asking: verified access tokens, the sessions that have ended, and permission checks."""
