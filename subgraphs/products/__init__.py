"""The products subgraph: the catalogue and the stock.

Owns      Product (entity, key `id`), Category, and the units of each product: available, and held for orders.
Extends   nothing.
Serves    `schema/proto/inventory.proto` over gRPC: reserve, pin, commit, release and restock for an order.
Emits     ProductUpdated, StockAdjusted, StockReserved, StockReleased on the stream `events:products`.
Consumes  nothing.
Store     MongoDB: `products`, `categories`, `reservations`.
"""
