"""Orders: what was ordered, paid and shipped, and in which state it stands.

Owns `Order` and everything below it, in PostgreSQL. Extends `User` with `orders` and `Product` with
`unitsSold`. Emits `OrderCreated`, `OrderStatusChanged`, and the milestones `OrderConfirmed`,
`OrderPaid`, `OrderShipped`, `OrderDelivered`, `OrderRejected`, `OrderExpired`, `OrderCancelled`, `OrderRefunded`. Consumes those that
webhooks want, of its own and of products; calls `Inventory` of the products service and `UserService` of the users service over gRPC.
"""
