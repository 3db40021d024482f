"""Real bodies, where they lie beside the project: each goes through the signed route and the drain to a known end."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.states import RewardState
from app.models import DeliveryState, Order, Refund, Reward, Shop, Transfer
from app.webhooks.inbox import drain
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import Sender

FOLDER = Path(__file__).parents[2].parent / "shared" / "shopify" / "payloads"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="The real bodies are kept outside of the project.")


@dataclass(frozen=True)
class End:
    """What an order's body leads to in automatic mode at 2 %, worked out by hand."""

    currency: str
    state: RewardState
    reason: IneligibleReason | None = None
    granted_minor: int = 0
    reversed_minor: int = 0


#: file → end. The figures are 2 % of the lines' net sum, rounded half up.
ORDERS = {
    # test, voided and cancelled, all at once
    "orders_paid/01-official-sample-2026-07.json": End("USD", RewardState.INELIGIBLE, IneligibleReason.TEST_ORDER),
    # 195.66 + 195.67 + 195.67 = 587.00 → 11.74; the one line kept, 195.67 → 3.91
    "orders_paid/04-partially-refunded-fixed-code-two-of-three-removed.json": End(
        "USD", RewardState.SETTLED, None, 1174, 783
    ),
    # 224.97 → 4.50, but nobody to give it to
    "orders_paid/06-eur-taxed-no-customer.json": End("EUR", RewardState.AWAITING_CUSTOMER, None, 450),
    # 199.00 - 17.91 = 181.09 → 3.62
    "orders_paid/09-percentage-code-fake30.json": End("USD", RewardState.SETTLED, None, 362),
    # 129.99 + 85.95 + 19.99 twice = 255.92 → 5.12, but nobody to give it to
    "orders_paid/10-three-lines-order-level-tax-lines.json": End("USD", RewardState.AWAITING_CUSTOMER, None, 512),
    "orders_paid/12-eur-taxes-included-test-order-free-line.json": End(
        "EUR", RewardState.INELIGIBLE, IneligibleReason.TEST_ORDER
    ),
    # 5900 twice + 2290 = 14090 yen → 282, but nobody to give it to
    "orders_paid/15-jpy-zero-decimals-taxed.json": End("JPY", RewardState.AWAITING_CUSTOMER, None, 282),
    "orders_create/02-authorized-not-captured.json": End("USD", RewardState.INELIGIBLE, IneligibleReason.UNPAID),
    # would have been 11.74; the cancelled order keeps nothing of it
    "orders_cancelled/03-cancelled-while-partially-refunded.json": End("USD", RewardState.VOIDED, None, 1174, 1174),
}
#: file → shop's currency, and refund, order, units and worth of its lines, money and shipping in minor units
REFUNDS = {
    "refunds_create/04-official-sample-2026-07.json": (
        "USD", 890088186047892319, 820982911946154500, 5, 41495, 8500, 0,
    ),
    "refunds_create/07-shipping-only.json": ("USD", 929361471, 450789469, 0, 0, 500, 500),
    "refunds_create/08-eur-one-of-three-units.json": ("EUR", 225207300, 5182437124, 1, 15000, 15000, 0),
    "refunds_create/09-one-line-with-tax-2017.json": ("USD", 929361464, 450789469, 1, 19567, 19965, 0),
}  # fmt: skip
#: file → state, and a word of the reason
OTHERS = {
    "app_uninstalled/01-official-sample-2026-07.json": (DeliveryState.HANDLED, ""),
    "customers_data_request/01-official-sample-2026-07.json": (DeliveryState.FAILED, "only the body is signed"),
    "customers_redact/01-official-sample-2026-07.json": (DeliveryState.FAILED, "only the body is signed"),
    "shop_redact/01-official-sample-2026-07.json": (DeliveryState.FAILED, "only the body is signed"),
    "orders_edited/01-official-sample-2026-07.json": (DeliveryState.HANDLED, ""),
}


def topic_of(name: str) -> str:
    kind, _, rest = name.partition("/")[0].partition("_")
    return f"{kind}/{rest}"


def deliver(sender: Sender, name: str) -> None:
    assert sender.send(topic_of(name), (FOLDER / name).read_bytes()).status_code == 200
    drain(utcnow)


def test_every_real_body_has_its_end_in_a_table() -> None:
    known = {*ORDERS, *REFUNDS, *OTHERS}
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.json")} == known


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_ends_where_the_table_says(name: str, new_shop: NewShop, sender: Sender, inbox: Inbox) -> None:
    end = ORDERS[name]
    new_shop(currency=end.currency)
    deliver(sender, name)
    assert [(row.state, row.reason) for row in inbox()] == [(DeliveryState.HANDLED, None)]
    reward = db.session.scalars(select(Reward)).one()
    assert (reward.state, reward.ineligible_reason) == (end.state, end.reason)
    assert (reward.granted_minor, reward.reversed_minor) == (end.granted_minor, end.reversed_minor)
    credited_minor = end.granted_minor - end.reversed_minor if end.state is RewardState.SETTLED else 0
    planned = db.session.scalars(select(Transfer.amount_minor)).all()
    assert sum(planned) == credited_minor, "what is sent to Shopify is what was settled, and nothing else"


@pytest.mark.parametrize("name", REFUNDS)
def test_a_refund_is_kept_with_the_figures_of_the_table(
    name: str, new_shop: NewShop, sender: Sender, inbox: Inbox
) -> None:
    currency, refund_id, order_id, units, goods_minor, money_minor, shipping_minor = REFUNDS[name]
    new_shop(currency=currency)
    deliver(sender, name)
    assert [(row.state, row.reason) for row in inbox()] == [(DeliveryState.HANDLED, None)]
    refund = db.session.scalars(select(Refund)).one()
    assert (refund.shopify_id, refund.order_shopify_id) == (refund_id, order_id)
    lines = refund.fact["lines"]
    assert sum(line["quantity"] for line in lines) == units
    assert sum(line["subtotal_minor"] for line in lines) == goods_minor
    assert (refund.fact["money_minor"], refund.fact["shipping_minor"]) == (money_minor, shipping_minor)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_order_ends_where_the_table_says(name: str, shop: Shop, sender: Sender, inbox: Inbox) -> None:
    state, word = OTHERS[name]
    deliver(sender, name)
    (row,) = inbox()
    assert row.state is state
    assert word in (row.reason or "")
    assert db.session.scalars(select(Order)).all() == []


def test_ids_that_went_through_a_double_are_read_from_the_global_id(new_shop: NewShop, sender: Sender) -> None:
    new_shop()
    deliver(sender, "orders_paid/01-official-sample-2026-07.json")
    order = db.session.scalars(select(Order)).one()
    assert order.shopify_id == 820982911946154508
    assert order.fact["lines"][0]["line_id"] == 487817672276298554
    assert order.fact["customer"]["customer_id"] == 115310627314723954
