"""Limits of live subscriptions, of one account and of the process."""

from contextlib import ExitStack

import pytest
from prometheus_client import REGISTRY

from subgraphs.kit.errors import RateLimited
from subgraphs.orders.live.admission import Admission


def _refused(limit: str) -> float:
    return REGISTRY.get_sample_value("live_subscriptions_refused_total", {"limit": limit}) or 0


def _open() -> float:
    found = REGISTRY.get_sample_value("live_subscriptions_open")
    assert found is not None
    return found


def test_an_account_has_its_limit_and_gets_its_places_back():
    admission, refused, before = Admission(per_account=2, per_process=10), _refused("account"), _open()
    with ExitStack() as places:
        for _ in range(2):
            places.enter_context(admission.subscribed("ann"))
        with (
            pytest.raises(RateLimited, match="follows 2 orders already") as one_too_many,
            admission.subscribed("ann"),
        ):
            pass
        assert one_too_many.value.retry_after == 5
        with admission.subscribed("bob"):
            assert _open() == before + 3
    assert (_refused("account"), _open()) == (refused + 1, before)
    with admission.subscribed("ann"):
        pass


def test_the_process_has_its_limit_whoever_comes():
    admission, refused = Admission(per_account=2, per_process=3), _refused("process")
    with ExitStack() as places:
        for account in ("ann", "ann", "bob"):
            places.enter_context(admission.subscribed(account))
        with pytest.raises(RateLimited, match="in 5 seconds"), admission.subscribed("cem"):
            pass
    assert _refused("process") == refused + 1
    with admission.subscribed("cem"):
        pass


def test_what_fails_inside_gives_its_place_back():
    admission = Admission(per_account=1, per_process=1)
    for _ in range(2):
        with pytest.raises(KeyError), admission.subscribed("ann"):
            raise KeyError
    assert admission._open == {}
