"""What this subgraph counts beside what all do."""

from prometheus_client import Counter, Gauge

RESERVATIONS = Counter("stock_reservations_total", "Reserves that were answered, by outcome.", ["outcome"])
HOLDS = Gauge("stock_holds_open", "Holds of products for orders.")
HELD_UNITS = Gauge("stock_held_units", "Units in these holds.")
OVERSOLD = Gauge(
    "stock_oversold_products",
    "Products with holds of which more units are available and held than are on hand: must be 0.",
)
SWEPT = Counter("stock_reservations_swept_total", "Reservations that the sweep had to finish.")
STRAY_HOLDS = Counter("stock_stray_holds_total", "Holds that no reservation counts, which the audit ended.")
CACHE_LOOKUPS = Counter(
    "products_cache_lookups_total", "Products looked for in the cache, by outcome.", ["outcome"]
)
SEARCH_DUE = Gauge(
    "products_search_due",
    "Products whose terms in the search index are older than their text or the analyser.",
)
