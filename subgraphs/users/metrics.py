"""What this subgraph counts beside what all do."""

from prometheus_client import Counter

REGISTRATIONS = Counter("user_registrations_total", "Accounts registered.")
LOGINS = Counter(
    "user_logins_total", "Logins by outcome; those that a rate limit refused are not counted.", ["outcome"]
)
EMAILS = Counter("emails_total", "E-mails that have left the queue.", ["kind", "outcome"])
