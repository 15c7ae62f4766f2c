"""Prometheus metrics under their documented names."""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"])
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer an HTTP request.",
    ["method", "endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
DB_CONNECTIONS = Gauge("db_connections_active", "Database connections in use by this process.")
REDIS_COMMANDS = Counter("redis_commands_total", "Redis commands sent.", ["command"])
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
JOB_FAILURES = Counter("background_job_failures_total", "Runs of a background job that failed.", ["job"])


def exposition() -> tuple[bytes, str]:
    """The text of `/metrics` and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
