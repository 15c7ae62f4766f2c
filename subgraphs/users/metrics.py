"""What this subgraph counts beside what all do."""

from prometheus_client import Counter

REGISTRATIONS = Counter("user_registrations_total", "Accounts registered.")
LOGINS = Counter(
    "user_logins_total", "Logins that were answered; those turned away unheard are not.", ["outcome"]
)
LETTERS = Counter("letters_total", "Letters that are not owed any more.", ["kind", "outcome"])
