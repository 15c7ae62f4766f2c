"""Reports: what was sold and given back in a time."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from clients.rest.models.base import Amount, Answer, Currency, Id, LowerEnum
from clients.rest.models.orders import OrderStatus

MAX_TOP_PRODUCTS = 100
_MAX_TIMEZONE = 64
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _rfc_3339(value: object) -> object:
    # pydantic would take "0" too, as seconds since 1970.
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("Input should be a time of RFC 3339, such as 2026-01-31T00:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


class ReportInterval(LowerEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ReportQuery(BaseModel):
    """Which report. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Instant = Field(
        alias="from", description="The first instant.", examples=["2026-01-01T00:00:00+01:00"]
    )
    end: Instant = Field(
        alias="to",
        description="The first instant behind it; at most 3,660 days later.",
        examples=["2026-02-01T00:00:00+01:00"],
    )
    interval: ReportInterval = ReportInterval.DAY
    timezone: str = Field(
        "UTC",
        min_length=1,
        max_length=_MAX_TIMEZONE,
        pattern="^[!-~]+$",
        description="Where days, weeks and months begin: a name of the IANA database.",
        examples=["Europe/Zurich"],
    )
    limit: int = Field(10, ge=1, le=MAX_TOP_PRODUCTS, description="How many of the top products.")


class Money(Answer):
    amount: Amount
    currency: Currency


class ReportTotals(Answer):
    """Sums of one currency; nothing is converted."""

    currency: Currency
    orders: int = Field(description="Orders that were paid.")
    units: int
    sales: Amount = Field(
        validation_alias=AliasPath("sales", "amount"),
        description="What was paid, at the time when the payment was captured.",
    )
    refunds: int = Field(description="Refunds that were made, whole or in part.")
    refunded: Amount = Field(
        validation_alias=AliasPath("refunded", "amount"),
        description="What they gave back, at the time when they were made.",
    )
    net: Amount = Field(
        validation_alias=AliasPath("net", "amount"), description="`sales` less `refunded`; may be negative."
    )


class ReportBucket(Answer):
    start: datetime
    end: datetime = Field(description="The start of the next one, or the end of the report.")
    totals: list[ReportTotals] = Field(description="By currency; none where nothing was sold or given back.")


class ProductSales(Answer):
    product_id: Id = Field(validation_alias=AliasPath("product", "id"))
    product_name: str = Field(description="As it was in the last sale.")
    sku: str
    orders: int
    units: int
    sales: list[Money] = Field(description="Price times quantity without shipping, in each currency.")


class OrderStatusCount(Answer):
    status: OrderStatus
    orders: int
    totals: list[Money]


class OrderReport(Answer):
    """A sale is a captured payment and counts when it was captured; a refund counts when it was made."""

    model_config = ConfigDict(serialize_by_alias=True)

    start: datetime = Field(validation_alias="from", serialization_alias="from")
    to: datetime
    interval: ReportInterval
    timezone: str
    totals: list[ReportTotals] = Field(description="Of the whole time.")
    series: list[ReportBucket] = Field(description="Days, weeks or months, without a gap.")
    top_products: list[ProductSales] = Field(description="Those of which most units were sold.")
    by_status: list[OrderStatusCount] = Field(
        description="Orders that were placed in the time, by the status that they have now."
    )
