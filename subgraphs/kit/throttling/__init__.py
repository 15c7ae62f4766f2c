"""Slowing down who tries too often, by counts in Redis that all processes share."""

from subgraphs.kit.throttling.limits import Bucket, Limit, Outcome, Rate
from subgraphs.kit.throttling.throttle import Throttle

__all__ = ["Bucket", "Limit", "Outcome", "Rate", "Throttle"]
