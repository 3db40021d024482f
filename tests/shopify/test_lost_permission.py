"""A permission that is lost stops what needs it and nothing else; given back, all goes on by itself."""

from app.db import transaction
from app.engine.rules.states import TransferState
from app.models import ShopToken
from app.shopify.connect import open_gateway
from app.shopify.granted import read_granted
from app.shopify.scopes import find_missing
from tests.shopify.desk import Desk

CREDITING = "write_store_credit_account_transactions"


def test_without_the_permission_to_credit_nothing_is_sent_and_nothing_is_lost(desk: Desk) -> None:
    ada = desk.customer()
    transfer_id = desk.plan(ada, 500)
    desk.sandbox_shop.grants.change(["read_store_credit_account_transactions"], [CREDITING], force=True)

    for _ in range(3):
        report = desk.send()
        assert "lacks a permission" in (report.stopped_by or "")
        desk.clock.advance(120)
    assert desk.row(transfer_id).state is not TransferState.REFUSED
    assert desk.amounts(ada) == []

    desk.sandbox_shop.grants.change([CREDITING], [])
    desk.send_until_done()

    assert desk.row(transfer_id).state is TransferState.CONFIRMED
    assert desk.amounts(ada) == [500]


def test_without_the_permission_to_read_accounts_nothing_is_sent_either(desk: Desk) -> None:
    ada = desk.customer()
    transfer_id = desk.plan(ada, 500)
    desk.sandbox_shop.grants.change([], ["read_store_credit_accounts"], force=True)

    assert desk.send().outcomes["confirmed"] == 0
    assert desk.row(transfer_id).state is TransferState.PLANNED
    desk.sandbox_shop.grants.change(["read_store_credit_accounts"], [])
    desk.send_until_done()

    assert desk.row(transfer_id).state is TransferState.CONFIRMED
    assert desk.amounts(ada) == [500]


def test_shopify_says_what_is_granted_at_this_moment(desk: Desk) -> None:
    desk.sandbox_shop.grants.change([], ["read_orders"], force=True)
    gateway, _ = open_gateway(desk.shop_id)

    assert read_granted(gateway) == desk.sandbox_shop.grants.text
    with transaction() as session:
        assert find_missing(session.get_one(ShopToken, desk.shop_id).scope) == ()
    assert [one.scope for one in find_missing(read_granted(gateway))] == ["read_orders"]
