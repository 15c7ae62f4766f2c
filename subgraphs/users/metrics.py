"""What this subgraph counts beside what all do."""

from prometheus_client import Counter, Gauge

REGISTRATIONS = Counter("user_registrations_total", "Accounts registered.")
LOGINS = Counter(
    "user_logins_total", "Logins by outcome; those that a rate limit refused are not counted.", ["outcome"]
)
EMAILS = Counter("emails_total", "E-mails that have left the queue.", ["kind", "outcome"])
EMAILS_WAITING = Gauge("email_queue_waiting", "E-mails that have not left the queue.")
EMAILS_AGE = Gauge("email_queue_oldest_seconds", "Age of the oldest e-mail that has not left the queue.")
SIGNING_KEY = Gauge(
    "signing_key_active_timestamp_seconds",
    "Since when the key signs that signs now, in Unix time; 0 where its name does not say.",
)
