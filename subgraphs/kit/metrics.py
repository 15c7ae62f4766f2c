"""Prometheus metrics under their documented names; deploy/observability/README.md says how to read each.

A counter and a histogram, and a gauge of what this process does itself, are summed over the processes of a service. A
gauge that tells of a store, which each process reads for itself, is the same in all of them: of those, take the max.
"""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"])
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer an HTTP request.",
    ["method", "endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
GRAPHQL_ERRORS = Counter(
    "graphql_errors_total", "Errors in the `errors` of an answer; those that are data are not.", ["code"]
)

DB_CONNECTIONS = Gauge("db_connections_active", "Database connections in use by this process.")
DB_POOL_SIZE = Gauge("db_pool_size", "Database connections that this process may have.")
DB_POOL_WAIT = Histogram(
    "db_pool_wait_seconds",
    "Time to be given a connection by the pool, making one included.",
    buckets=(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
DB_POOL_FAILURES = Counter("db_pool_failures_total", "Times that no connection was to be had.")
REDIS_COMMANDS = Counter("redis_commands_total", "Redis commands sent.", ["command"])

MOST_UNSENT_COUNTED = 10_000
OUTBOX_UNSENT = Gauge(
    "outbox_unsent_events",
    f"Events in the outbox that have not left it; beyond {MOST_UNSENT_COUNTED:,} they are not counted.",
)
OUTBOX_AGE = Gauge("outbox_oldest_unsent_seconds", "Age of the oldest event that has not left the outbox.")
EVENTS_PUBLISHED = Counter("events_published_total", "Events that left the outbox.", ["type"])
EVENTS_REFUSED = Counter(
    "events_refused_total", "Events that the transport refused; they stay in the outbox.", ["type"]
)
EVENTS_CONSUMED = Counter(
    "events_consumed_total", "Events that a group was given.", ["source", "group", "outcome"]
)
EVENTS_PENDING = Gauge(
    "events_pending", "Events that a group has taken and not acknowledged.", ["source", "group"]
)
EVENTS_LAG = Gauge("events_lag", "Events that a group has not taken yet.", ["source", "group"])
EVENTS_DEAD = Gauge("events_dead_letters", "Events of a source that were given up.", ["source"])

RATE_LIMIT_REFUSALS = Counter(
    "rate_limit_refusals_total", "Attempts that a rate limit refused, by what was attempted.", ["attempt"]
)
RATE_LIMITS_ALONE = Counter(
    "rate_limits_without_redis_total", "Times that Redis was away, so that this process counted for itself."
)

JOB_FAILURES = Counter("background_job_failures_total", "Runs of a background job that failed.", ["job"])
LOOP_LAG = Histogram(
    "event_loop_lag_seconds",
    "By how much a timer was late: for so long something else kept the event loop.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
CERTIFICATE_EXPIRY = Gauge(
    "tls_certificate_expiry_timestamp_seconds",
    "When the first certificate of a file of the TLS settings ends, in Unix time.",
    ["file"],
)


def exposition() -> tuple[bytes, str]:
    """The text of `/metrics` and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
