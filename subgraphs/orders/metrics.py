"""What this subgraph counts beside what all do."""

from prometheus_client import Counter, Gauge

LIVE_SUBSCRIPTIONS = Gauge(
    "live_subscriptions_open", "Subscriptions to the status of an order that this process serves."
)
LIVE_REFUSALS = Counter(
    "live_subscriptions_refused_total", "Subscriptions that were one too many, by limit.", ["limit"]
)
LIVE_GAPS = Counter(
    "live_stream_gaps_total", "Times that entries of the event stream were gone before they were read."
)
WEBHOOK_ATTEMPTS = Counter("webhook_attempts_total", "Deliveries sent to webhooks, by outcome.", ["outcome"])
