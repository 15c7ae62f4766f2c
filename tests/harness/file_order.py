"""Which files of tests begin first: those that take longest, so that no worker is left alone with one at the end."""

from pathlib import Path

import pytest

from tests.harness.launcher import ROOT

# Those that take more than 6 s beside two others; the rest is short enough to begin at any time.
LONGEST = (
    "subgraphs/orders/saga/test_crashes.py",
    "faults/test_outages.py",
    "supergraph/test_commands.py",
    "subgraphs/kit/events/test_transports.py",
    "router/test_documents.py",
    "security/test_key_rotation.py",
    "security/test_ended_sessions.py",
    "supergraph/test_bad_input.py",
    "faults/test_kills.py",
    "subgraphs/kit/test_production.py",
    "security/test_policy.py",
    "router/test_conformance.py",
    "clients/rest/test_schemathesis.py",
    "subgraphs/products/commands/test_demo_catalogue.py",
    "subgraphs/users/jobs/test_order_email.py",
    "supergraph/test_product_files.py",
    "subgraphs/products/commands/test_interrupted_import.py",
    "router/test_edge.py",
    "supergraph/test_tracing.py",
    "subgraphs/products/test_processes.py",
    "security/test_shared_secret.py",
    "subgraphs/kit/events/test_rabbitmq.py",
    "supergraph/test_reconnecting.py",
    "router/test_subscriptions.py",
    "deploy/engines/test_mongo.py",
    "clients/rest/test_bad_input.py",
    "deploy/engines/test_engines.py",
    "subgraphs/orders/store/test_reports.py",
    "router/test_cost.py",
    "subgraphs/kit/graphql/execution/test_differential.py",
    "subgraphs/products/service/test_category_tree.py",
    "supergraph/test_reports.py",
    "deploy/test_up.py",
    "subgraphs/orders/graphql/test_operations.py",
    "subgraphs/products/service/test_interleavings.py",
    "subgraphs/kit/postgres/test_outbox.py",
    "subgraphs/orders/live/test_status.py",
    "deploy/kubernetes/test_kubernetes.py",
    "subgraphs/users/email/test_dispatcher.py",
    "subgraphs/orders/jobs/test_housekeeping.py",
    "supergraph/test_subscriptions.py",
    "subgraphs/kit/events/test_consumer.py",
    "subgraphs/users/service/test_rate_limits.py",
    "subgraphs/users/service/test_email_changes.py",
    "subgraphs/products/service/test_inventory.py",
    "subgraphs/users/service/test_administration.py",
    "router/test_deadline.py",
    "supergraph/test_orders.py",
    "router/test_connections.py",
    "architecture/test_permissions.py",
)


def key(item: pytest.Item) -> int:
    """Sorts the items; those of other files stay in their order."""
    path = Path(item.path).relative_to(ROOT / "tests").as_posix()
    return _PLACES.get(path, len(LONGEST))


_PLACES = {path: place for place, path in enumerate(LONGEST)}
