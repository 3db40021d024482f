"""One order or customer with everything known about it, as plain data: for operators and for checks from outside."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.engine.ledger import read_balances
from app.engine.rules.explain import from_json as step_from_json
from app.engine.rules.money import to_decimal_string
from app.engine.rules.states import compute_badge
from app.errors import NotFound
from app.models import Customer, Delivery, LedgerEntry, LedgerPosting, Order, Refund, Reward, Shop, Transfer

Json = dict[str, Any]
Row = TypeVar("Row", Order, Customer)

#: What a bigint column holds.
LARGEST_ID = 2**63 - 1


def inspect_order(session: Session, shopify_id: int, shop_domain: str | None = None) -> Json:
    """Return an order with its reward, explanation, entries, transfers and deliveries; raise NotFound.

    Amounts are decimal strings in the order's currency.
    """
    order = _only(session, Order, shopify_id, shop_domain)
    reward = session.scalar(select(Reward).where(Reward.shop_id == order.shop_id, Reward.order_id == order.id))
    transfers = _transfers(session, order.shop_id, Transfer.reward_id == reward.id) if reward else []
    return {
        "order": {
            "shopify_id": order.shopify_id,
            "name": order.name,
            "currency": order.currency,
            "total": to_decimal_string(order.total_minor, order.currency),
            "financial_status": order.financial_status,
            "placed_at": order.placed_at.isoformat(),
            "cancelled_at": order.cancelled_at.isoformat() if order.cancelled_at else None,
            "refunds": [
                row.shopify_id
                for row in session.scalars(
                    select(Refund)
                    .where(Refund.shop_id == order.shop_id, Refund.order_shopify_id == order.shopify_id)
                    .order_by(Refund.processed_at)
                )
            ],
        },
        "reward": _reward(reward, transfers) if reward else None,
        "entries": _entries(session, order.shop_id, LedgerEntry.reward_id == reward.id) if reward else [],
        "transfers": [_transfer(transfer) for transfer in transfers],
        "deliveries": [
            {
                "webhook_id": delivery.webhook_id,
                "topic": delivery.topic,
                "state": delivery.state,
                "received_at": delivery.received_at.isoformat(),
                "handled_at": delivery.handled_at.isoformat() if delivery.handled_at else None,
                "reason": delivery.reason,
            }
            for delivery in session.scalars(
                select(Delivery)
                .where(Delivery.shop_id == order.shop_id, Delivery.order_shopify_id == order.shopify_id)
                .order_by(Delivery.id)
            )
        ],
    }


def inspect_customer(session: Session, shopify_id: int, shop_domain: str | None = None) -> Json:
    """Return a customer with balances, rewards, entries and transfers; raise NotFound.

    Amounts are decimal strings in the shop's currency.
    """
    customer = _only(session, Customer, shopify_id, shop_domain)
    shop = session.get_one(Shop, customer.shop_id)
    balances = read_balances(session, shop.id, {customer.id}, shop.currency)[customer.id]
    rewards = session.execute(
        select(Reward, Order.shopify_id)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, Reward.customer_id == customer.id)
        .order_by(Order.placed_at, Order.id)
    ).all()
    transfers = _transfers(session, shop.id, Transfer.customer_id == customer.id)
    return {
        "customer": {"shopify_id": customer.shopify_id, "name": customer.name, "currency": shop.currency},
        "balances": {
            account: to_decimal_string(minor, shop.currency)
            for account, minor in sorted(balances.items())
            if account.is_customers
        },
        "rewards": [
            {"order": order_id, **_reward(reward, [t for t in transfers if t.reward_id == reward.id])}
            for reward, order_id in rewards
        ],
        "entries": _entries(session, shop.id, LedgerEntry.customer_id == customer.id),
        "transfers": [_transfer(transfer) for transfer in transfers],
    }


def _only(session: Session, table: type[Row], shopify_id: int, shop_domain: str | None) -> Row:
    statement = select(table).join(Shop, Shop.id == table.shop_id).where(table.shopify_id == shopify_id)
    if shop_domain is not None:
        statement = statement.where(Shop.domain == shop_domain)
    rows = session.scalars(statement.limit(2)).all() if 0 < shopify_id <= LARGEST_ID else []
    if not rows:
        raise NotFound(f"No such {table.__name__.lower()} is known; check the id, it is Shopify's number.")
    if len(rows) > 1:
        raise NotFound("Several shops have this id; say which with --shop.")
    return rows[0]


def _reward(reward: Reward, transfers: list[Transfer]) -> Json:
    def money(minor: int) -> str:
        return to_decimal_string(minor, reward.currency)

    states = tuple(transfer.state for transfer in transfers)
    return {
        "id": reward.id,
        "version": reward.version,
        "state": reward.state,
        "badge": compute_badge(reward.state, reward.reversed_minor, states),
        "hold_reason": reward.hold_reason,
        "ineligible_reason": reward.ineligible_reason,
        "terms_version": reward.terms_version,
        "tier": reward.tier_name,
        "rate_bps": reward.rate_bps,
        "currency": reward.currency,
        "eligible": money(reward.eligible_minor),
        "calculated": money(reward.calculated_minor),
        "granted": money(reward.granted_minor),
        "reversed": money(reward.reversed_minor),
        "kept": money(reward.kept_minor),
        "settled_at": reward.settled_at.isoformat() if reward.settled_at else None,
        "decided_by": reward.decided_by,
        "decision_reason": reward.decision_reason,
        "explanation": [step_from_json(step).sentence(reward.currency) for step in reward.steps],
    }


def _entries(session: Session, shop_id: int, which: ColumnElement[bool]) -> list[Json]:
    entries = session.scalars(
        select(LedgerEntry).where(LedgerEntry.shop_id == shop_id, which).order_by(LedgerEntry.id)
    ).all()
    postings = session.scalars(
        select(LedgerPosting)
        .where(LedgerPosting.shop_id == shop_id, LedgerPosting.entry_id.in_([entry.id for entry in entries]))
        .order_by(LedgerPosting.id)
    ).all()
    return [
        {
            "key": entry.key,
            "kind": entry.kind,
            "occurred_at": entry.occurred_at.isoformat(),
            "recorded_at": entry.recorded_at.isoformat(),
            "actor": entry.actor,
            "postings": [
                {
                    "from": posting.source,
                    "to": posting.destination,
                    "amount": to_decimal_string(posting.amount_minor, posting.currency),
                    "currency": posting.currency,
                }
                for posting in postings
                if posting.entry_id == entry.id
            ],
        }
        for entry in entries
    ]


def _transfers(session: Session, shop_id: int, which: ColumnElement[bool]) -> list[Transfer]:
    return list(session.scalars(select(Transfer).where(Transfer.shop_id == shop_id, which).order_by(Transfer.id)))


def _transfer(transfer: Transfer) -> Json:
    sent_minor = transfer.sent_minor
    return {
        "id": transfer.id,
        "key": transfer.key,
        "kind": transfer.kind,
        "state": transfer.state,
        "amount": to_decimal_string(transfer.amount_minor, transfer.currency),
        "cancelled": to_decimal_string(transfer.cancelled_minor, transfer.currency),
        "sent": None if sent_minor is None else to_decimal_string(sent_minor, transfer.currency),
        "currency": transfer.currency,
        "attempts": transfer.attempts,
        "needs_person": transfer.needs_person,
        "shopify_transaction_id": transfer.shopify_transaction_id,
        "created_at": transfer.created_at.isoformat(),
        "sent_at": transfer.sent_at.isoformat() if transfer.sent_at else None,
        "confirmed_at": transfer.confirmed_at.isoformat() if transfer.confirmed_at else None,
        "error": transfer.error,
    }
