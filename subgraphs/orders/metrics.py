"""What this subgraph counts beside what all do."""

from prometheus_client import Counter, Gauge

ORDERS = Counter("orders_total", "Orders placed.")
ORDER_TRANSITIONS = Counter("order_transitions_total", "Orders that entered a state, by state.", ["status"])
SAGA_STEPS = Counter(
    "saga_steps_total",
    "Steps of orders, by the state that they began in and how they ended.",
    ["status", "outcome"],
)
SAGA_RESUMED = Counter(
    "saga_resumed_orders_total", "Orders that the resume job went on with, by how that ended.", ["outcome"]
)
SAGA_OVERDUE = Gauge(
    "saga_overdue_orders", "Orders whose next step is due or was tried in vain, by state.", ["status"]
)
SAGA_OVERDUE_AGE = Gauge(
    "saga_oldest_overdue_seconds", "For how long the one of these that stood still longest has not changed."
)
STATE_READS = Counter(
    "order_state_reads_total", "Reads of an order's state, by what the cache had.", ["outcome"]
)
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
