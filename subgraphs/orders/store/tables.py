"""The tables of the orders database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from subgraphs.kit.postgres.inbox import inbox_table
from subgraphs.kit.postgres.outbox import outbox_table
from subgraphs.orders.domain.payments import SALES
from subgraphs.orders.domain.transitions import UNPAID

metadata = MetaData()

# None is SQL's NULL: JSON's null would be a value to every IS NULL.
_DOCUMENT = JSONB(none_as_null=True)

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("subtotal_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("shipping", _DOCUMENT),
    Column("tracking_number", Text),
    Column("version", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("cancellation_request", _DOCUMENT),
    Column("rejection", _DOCUMENT),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # When the resume job looks at the order next: the end of the lease of a step under way, the end of the
    # payment window, or never. Where it is set in a terminal state, stock is still to be given back.
    Column("resume_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)
# Literals in every statement: with parameters a plan for all of their values cannot use the index.
is_unpaid = orders.c.status.in_([literal(status.value, literal_execute=True) for status in UNPAID])
Index("orders_unpaid", orders.c.user_id, postgresql_where=is_unpaid)
# Ids are UUIDv7, so an order by id is an order by time.
Index("orders_by_time", orders.c.created_at)
Index("orders_by_user", orders.c.user_id, orders.c.id.desc())
Index("orders_due", orders.c.resume_at, postgresql_where=orders.c.resume_at.is_not(None))

order_items = Table(
    "order_items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("product_id", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("sku", Text, nullable=False, server_default=""),
    Column("price_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("currency", Text, nullable=False),
)
Index("order_items_by_order", order_items.c.order_id, order_items.c.product_id, unique=True)
Index("order_items_by_product", order_items.c.product_id)

# Of each product, the units in orders of a state of `SOLD`; changed in the transaction that changes the state.
units_sold = Table(
    "units_sold",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
)

order_events = Table(
    "order_events",
    metadata,
    Column("order_id", Text, ForeignKey("orders.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text),
    Column("note", Text),
)

payments = Table(
    "payments",
    metadata,
    Column("attempt_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("method", Text, nullable=False),
    # The provider's one-time reference, never card data; kept so that a lost attempt can be resumed.
    Column("token", Text, nullable=False),
    # Who has the payment, and what it is called there; on record before the provider may move money.
    Column("provider", Text, nullable=False),
    Column("reference", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("transaction_id", Text),
    Column("reason", Text),
    Column("paid_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("payments_by_order", payments.c.order_id, payments.c.seq.desc(), unique=True)
# Literals, as above.
is_sale = payments.c.status.in_([literal(status.value, literal_execute=True) for status in SALES])
Index("payments_by_sale", payments.c.paid_at, postgresql_where=is_sale)
# One capture an order, whatever else goes wrong.
Index(
    "payments_one_capture",
    payments.c.order_id,
    unique=True,
    postgresql_where=payments.c.status.in_(["CAPTURED", "REFUNDED", "PARTIALLY_REFUNDED"]),
)

Index(
    "payments_by_reference",
    payments.c.provider,
    payments.c.reference,
    unique=True,
    postgresql_where=payments.c.reference.is_not(None),
)

# On record before the provider is asked, so that a lost process owes nothing that nobody knows of.
refunds = Table(
    "refunds",
    metadata,
    Column("key", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("attempt_id", Text, ForeignKey("payments.attempt_id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("actor", Text),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Of a refund that no order waits for: when its job looks at it next. None once it is made, and for all others.
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # When the provider had made it.
    Column("done_at", DateTime(timezone=True)),
)
Index("refunds_by_order", refunds.c.order_id)
Index("refunds_by_time", refunds.c.done_at, postgresql_where=refunds.c.done_at.is_not(None))
Index("refunds_due", refunds.c.due_at, postgresql_where=refunds.c.due_at.is_not(None))

# What providers told of their own accord. Not the body, which may name the customer: the provider is asked instead.
payment_events = Table(
    "payment_events",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("reference", Text),
    Column("received_at", DateTime(timezone=True), nullable=False),
    # When its job looks at it next; None once it is worked off.
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)
Index("payment_events_due", payment_events.c.due_at, postgresql_where=payment_events.c.due_at.is_not(None))
Index("payment_events_by_age", payment_events.c.received_at)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("idempotency_keys_by_age", idempotency_keys.c.created_at)

# The sandbox payment provider's own books. A real provider keeps them on its side.
sandbox_charges = Table(
    "sandbox_charges",
    metadata,
    Column("key", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("token", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("transaction_id", Text),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("sandbox_charges_by_age", sandbox_charges.c.created_at)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text()), nullable=False),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_secret_until", DateTime(timezone=True)),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("failing_since", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook_id", Text, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    # Counted when an attempt begins: one that takes its process with it is an attempt, too.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # When it is sent next, or the end of the lease of whoever is sending it; never, once it is settled.
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("delivered_at", DateTime(timezone=True)),
)
Index("webhook_deliveries_by_webhook", webhook_deliveries.c.webhook_id, webhook_deliveries.c.id.desc())
Index("webhook_deliveries_by_age", webhook_deliveries.c.created_at)
Index(
    "webhook_deliveries_due",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.next_attempt_at,
    postgresql_where=webhook_deliveries.c.next_attempt_at.is_not(None),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("delivery_id", Text, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Integer),
    Column("response", Text),
    Column("error", Text),
)
Index("webhook_attempts_by_delivery", webhook_attempts.c.delivery_id, webhook_attempts.c.id)
