"""Revocations that a crash or an outage of Redis has kept from being published."""

from subgraphs.kit.background import Job
from subgraphs.users.service import RevocationPublisher

_EVERY = 2.0


def republish_job(revocations: RevocationPublisher) -> Job:
    return Job(name="republish_revocations", run_once=revocations.publish, every=_EVERY)
