"""What this subgraph counts beside what all do."""

from prometheus_client import Counter

REGISTRATIONS = Counter("user_registrations_total", "Accounts registered.")
