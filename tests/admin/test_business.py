"""The page of business figures: what is typed is checked at its field, kept, and reckoned with."""

from datetime import timedelta
from typing import Any

import pytest

from app.clock import utcnow
from app.engine.flows import business, program
from app.engine.rules.business import Trade
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.models import Customer, TierChange, TierChangeKind
from tests.admin.factories import NOON, Page, Visitor, order, reading, tell
from tests.people import hire

PATH = "/settings/business"
FORM = {"share_of": "margin", "share": "40", "shipping": "5.00", "order_value": "80.00", "target_roi": "300"}


def typed(page: Page) -> dict[str, Any]:
    return {str(field["name"]): field.get("value") for field in page.of("input") if "name" in field}


def send(visitor: Visitor, **changes: str) -> Any:
    seen = typed(Page(visitor.load(PATH).text))["seen"]
    token = typed(Page(visitor.load(PATH).text))["token"]
    return visitor.post(PATH, {**FORM, "seen": seen, "token": token, **changes})


def kept(shop_id: int) -> Trade | None:
    with reading() as session:
        return business.find_trade(session, shop_id)


def test_before_anything_is_stated_an_order_is_worth_what_orders_were(visitor: Visitor, shop_id: int) -> None:
    assert typed(Page(visitor.load(PATH).text))["order_value"] == ""
    at = utcnow() - timedelta(days=2)
    tell(shop_id, *(order(number, placed_at=at, updated_at=at, total_minor=1_000 * number) for number in (1, 2)))
    page = Page(visitor.load(PATH).text)
    assert typed(page)["order_value"] == "15.00"
    assert "Nothing to reckon with yet" in page.text
    assert "Nobody moved in these days." in page.text


def test_what_is_stated_is_kept_and_reckoned_with(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    at = utcnow() - timedelta(days=2)
    tell(shop_id, order(1, placed_at=at, updated_at=at))
    response = send(visitor)
    assert response.status_code == 200
    assert kept(shop_id) == Trade(4_000, 500, 8_000, 30_000)
    page = Page(response.text)
    assert typed(page)["share"] == "40"
    assert "Programme cost $2.00 $2.00 issued, $0.00 taken back" in page.text
    assert "0 orders paid with credit, $27.00 profit each" in page.text
    assert "Net profit -$2.00" in page.text
    assert "Break-even rate 33.75" in page.text
    assert "$5.93 Sales" not in page.text
    assert "Sales to break even $5.93 $23.71 to reach the aim" in page.text


def test_the_cost_of_goods_is_the_rest_of_the_margin(visitor: Visitor, shop_id: int) -> None:
    assert send(visitor, share_of="goods", share="62.5").status_code == 200
    assert kept(shop_id) == Trade(3_750, 500, 8_000, 30_000)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("share", "140", "at most 100 percent"),
        ("share", "much", "Write the rate in percent"),
        ("shipping", "5.001", "more decimals"),
        ("shipping", "", "is not an amount"),
        ("order_value", "0", "must be worth something"),
        ("order_value", "-1", "must not be negative"),
        ("target_roi", "10001", "between 0 and 10,000 percent"),
        ("target_roi", "3.5", "Write a whole number"),
    ],
)
def test_a_wrong_figure_is_told_at_its_field_and_the_rest_is_kept(
    visitor: Visitor, shop_id: int, name: str, value: str, sentence: str
) -> None:
    response = send(visitor, **{name: value})
    assert response.status_code == 422
    page = Page(response.text)
    sent = {**FORM, name: value}
    assert {kept: typed(page)[kept] for kept in sent if kept != "share_of"} == {
        kept: sent[kept] for kept in sent if kept != "share_of"
    }
    (field,) = page.of("input", name=name)
    assert field["aria-invalid"] == "true"
    assert f"f-{name}-error" in str(field["aria-describedby"])
    assert sentence in page.text
    assert kept(shop_id) is None


def test_who_saw_other_figures_is_told_and_shown_those_of_now(visitor: Visitor, shop_id: int) -> None:
    seen = typed(Page(visitor.load(PATH).text))["seen"]
    assert send(visitor).status_code == 200
    response = send(visitor, seen=seen, share="10")
    assert response.status_code == 409
    assert "Somebody changed this meanwhile" in response.text
    assert typed(Page(response.text))["share"] == "40"
    assert kept(shop_id) == Trade(4_000, 500, 8_000, 30_000)


def test_a_viewer_reads_the_figures_and_states_none(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
        token = typed(Page(visitor.load(PATH).text))["token"]
    visitor.staff = "50"
    page = Page(visitor.load(PATH).text)
    assert page.of("form", method="post") == []
    assert "Nobody has stated these figures yet" in page.text
    assert visitor.post(PATH, {**FORM, "token": token}).status_code == 403
    assert kept(shop_id) is None


def test_a_script_gets_the_figures_as_json(visitor: Visitor, shop_id: int) -> None:
    token = typed(Page(visitor.load(PATH).text))["token"]
    done = visitor.post(PATH, {**FORM, "token": token}, htmx=False)
    assert done.json == {
        "margin_bps": 4_000, "shipping_minor": 500, "order_value_minor": 8_000, "target_roi_bps": 30_000,
    }  # fmt: skip
    refused = visitor.post(PATH, {**FORM, "token": token, "share": "x"}, htmx=False)
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {"share"}


def test_moves_between_tiers_are_counted_without_those_who_came(
    visitor: Visitor, shop_id: int, other_shop_id: int
) -> None:
    now = utcnow()
    moves = (
        (TierChangeKind.INITIAL, None, "Bronze", 1),
        (TierChangeKind.UPGRADE, "Bronze", "Silver", 2),
        (TierChangeKind.UPGRADE, "Silver", "Gold", 3),
        (TierChangeKind.DOWNGRADE, "Gold", "Silver", 4),
        (TierChangeKind.MANUAL, "Bronze", "Gold", 5),
        (TierChangeKind.UPGRADE, "Bronze", "Gold", 40),
    )
    with reading() as session:
        for whose in (shop_id, other_shop_id):
            customer = Customer(shop_id=whose, shopify_id=1, created_at=NOON)
            session.add(customer)
            session.flush()
            for kind, before, after, days in moves[: None if whose == shop_id else 2]:
                session.add(
                    TierChange(
                        shop_id=whose, customer_id=customer.id, before=before, after=after, kind=kind, spend_minor=0,
                        terms_version=1, at=now - timedelta(days=days), actor="system",
                    )
                )  # fmt: skip
    assert "Bronze 0 0 0 2 Silver 1 1 0 1 Gold 1 0 1 1" in Page(visitor.load(PATH).text).text
    assert "Bronze 0 0 0 3 Silver 1 1 0 1 Gold 2 0 1 1" in Page(visitor.load(PATH, days="90").text).text
