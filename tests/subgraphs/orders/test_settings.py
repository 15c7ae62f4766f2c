import pytest

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.settings import SettingsError
from subgraphs.orders.app import shipping_rates, url_rules
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.webhooks import UrlRules
from subgraphs.orders.settings import OrdersSettings


def test_the_table_of_shipping_costs_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(
        "ORDERS_SHIPPING_RATES",
        '[{"method": "standard", "costs": {"USD": "9.90", "JPY": 900}},'
        ' {"method": "standard", "country": "CH", "costs": {"USD": 5}}]',
    )
    rates = shipping_rates(OrdersSettings.load().shipping_rates)
    home, away = (ShippingDetails(method="standard", country=country) for country in ("CH", "JP"))
    assert rates.cost(home, "USD") == Amount(MinorUnits(500), "USD")
    assert rates.cost(away, "USD") == Amount(MinorUnits(990), "USD")
    assert rates.cost(away, "JPY") == Amount(MinorUnits(900), "JPY")


@pytest.mark.parametrize("costs", ["{}", '{"XXX": 1}', '{"USD": "1.001"}', '{"USD": -1}'])
def test_a_cost_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, costs: str):
    monkeypatch.setenv("ORDERS_SHIPPING_RATES", f'[{{"costs": {costs}}}]')
    with pytest.raises(SettingsError, match="costs"):
        OrdersSettings.load()


def test_webhooks_lead_to_the_public_internet_over_tls_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    assert url_rules(OrdersSettings.load().webhooks) == UrlRules(
        allow_http=False, allow_private=False, ports=frozenset({443, 8443})
    )
    monkeypatch.setenv("ORDERS_WEBHOOKS_ALLOW_HTTP", "true")
    monkeypatch.setenv("ORDERS_WEBHOOKS_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("ORDERS_WEBHOOKS_PORTS", "[80, 443]")
    assert url_rules(OrdersSettings.load().webhooks) == UrlRules(
        allow_http=True, allow_private=True, ports=frozenset({80, 443})
    )
