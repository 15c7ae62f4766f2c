"""Rate limits on attempts, by counts in Redis that all processes share."""

from subgraphs.kit.rate_limiting.limits import Bucket, Limit, Outcome, Rate
from subgraphs.kit.rate_limiting.rate_limiter import RateLimiter

__all__ = ["Bucket", "Limit", "Outcome", "Rate", "RateLimiter"]
