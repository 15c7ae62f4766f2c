from pathlib import Path

import pytest

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import SettingsError
from subgraphs.orders.app import shipping_rates, url_rules
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.webhooks import UrlRules
from subgraphs.orders.payments.choice import open_provider
from subgraphs.orders.settings import OrdersSettings, PaymentSettings
from tests.subgraphs.orders.orders_harness import Clock


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


def test_nothing_takes_payments_unless_it_is_named(monkeypatch: pytest.MonkeyPatch):
    assert OrdersSettings.load().payments.provider == ""
    monkeypatch.setenv("ORDERS_PAYMENTS_PROVIDER", "sandbox")
    assert OrdersSettings.load().payments.provider == "sandbox"
    monkeypatch.setenv("ORDERS_PAYMENTS_PROVIDER", "monopoly")
    with pytest.raises(SettingsError, match=r"payments\.provider"):
        OrdersSettings.load()


async def test_the_settings_choose_the_provider():
    made = {}
    secrets = {"stripe_key": "sk", "stripe_webhook_secret": "whsec", "sandbox_webhook_url": "http://h"}
    for name in ("", "sandbox", "stripe"):
        settings = PaymentSettings.model_validate({"provider": name, **secrets})
        async with open_provider(settings, postgres=Postgres.__new__(Postgres), clock=Clock()) as choice:
            made[name] = choice.provider and choice.provider.name, [job.name for job in choice.jobs]
    assert made == {"": (None, []), "sandbox": ("sandbox", ["sandbox_webhooks"]), "stripe": ("stripe", [])}


def test_stripe_needs_its_secrets_which_may_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ORDERS_PAYMENTS_PROVIDER", "stripe")
    with pytest.raises(SettingsError) as refused:
        OrdersSettings.load()
    assert "ORDERS_PAYMENTS_STRIPE_KEY and ORDERS_PAYMENTS_STRIPE_WEBHOOK_SECRET" in str(refused.value)
    for name in ("KEY", "WEBHOOK_SECRET"):
        (tmp_path / name).write_text(f"sk_{name}\n")
        monkeypatch.setenv(f"ORDERS_PAYMENTS_STRIPE_{name}_FILE", str(tmp_path / name))
    payments = OrdersSettings.load().payments
    assert payments.stripe_key.get_secret_value() == "sk_KEY"
    assert payments.stripe_webhook_secret.get_secret_value() == "sk_WEBHOOK_SECRET"
    assert "sk_" not in repr(payments)


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
