"""Reads what is true now of everything that a batch of messages is about, in a handful of statements."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import BigInteger, ColumnElement, case, cast, exists, func, select
from sqlalchemy.orm import Session

from app.engine.known_credits import read_known
from app.engine.ledger import read_balances
from app.engine.letter_facts import (
    ByHand,
    Ending,
    LetterFacts,
    Person,
    Refunded,
    RewardRow,
    Stated,
    Waits,
    Whose,
)
from app.engine.lot_books import read_lot_books
from app.engine.programme import Programme
from app.engine.rules.mailing import address_key
from app.engine.rules.messages import MessageState, Saying, Topic
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.tellings import Told, told_from_json
from app.engine.statement_reads import read_figures
from app.models import (
    Adjustment,
    CreditMoveRow,
    Customer,
    HistoryImport,
    LedgerEntry,
    LedgerPosting,
    MailStop,
    Message,
    Order,
    Reward,
    Shop,
    Statement,
    TierChange,
    Transfer,
)
from app.models.columns import among

#: Credits that end at any time.
_EVER = datetime.max.replace(tzinfo=UTC)


def read_letter_facts(session: Session, shop: Shop, messages: Sequence[Waits], now: datetime) -> LetterFacts:
    """Return what is true now of what messages of a shop are about."""
    about = {topic: {row.subject_id for row in messages if row.topic is topic} for topic in Topic}
    customer_ids = sorted({row.customer_id for row in messages if row.customer_id is not None})
    reward_ids = {row.reward_id for row in messages if row.topic is Topic.REWARD and row.reward_id is not None}
    people = _read_people(session, shop, customer_ids)
    rewards = _read_rewards(session, shop, reward_ids)
    emails = [person.email for person in people.values()] + [reward.guest_email for reward in rewards.values()]
    moved_minor, ends_at = _read_moved(session, shop, reward_ids)
    balances = read_balances(session, shop.id, customer_ids, shop.currency)
    return LetterFacts(
        people=people,
        available_minor={customer_id: each[Account.AVAILABLE] for customer_id, each in balances.items()},
        stops=_read_stops(session, shop, {address_key(email) for email in emails if email}),
        rewards=rewards,
        told=_read_told(session, shop, reward_ids),
        moved_minor=moved_minor,
        ends_at=ends_at,
        set_off_minor=_read_set_off(session, shop, reward_ids),
        known_minor=read_known(session, shop, reward_ids),
        by_hand=_read_by_hand(session, shop, about[Topic.ADJUSTMENT], customer_ids),
        tiers=_read_tiers(session, shop, about[Topic.TIER]),
        rate_bps=_read_rates(session, shop, now) if about[Topic.TIER] else {},
        endings=_read_endings(session, shop, about[Topic.EXPIRY], now),
        statements=_read_statements(session, shop, about[Topic.STATEMENT]),
        refunds=_read_refunds(session, shop, about[Topic.REFUND]),
    )


def _read_people(session: Session, shop: Shop, customer_ids: Collection[int]) -> dict[int, Person]:
    is_gone = (
        Customer.deleted_at.is_not(None) | Customer.redacted_at.is_not(None) | Customer.merged_into_id.is_not(None)
    )
    query = select(Customer.id, Customer.email, Customer.name, Customer.locale, is_gone)
    found = session.execute(query.where(Customer.shop_id == shop.id, among(Customer.id, customer_ids)))
    return {customer_id: Person(email, name, locale, gone) for customer_id, email, name, locale, gone in found}


def _read_stops(session: Session, shop: Shop, keys: Collection[str]) -> dict[str, set[Saying | None]]:
    stops: dict[str, set[Saying | None]] = defaultdict(set)
    if keys:
        query = select(MailStop.address_key, MailStop.saying)
        for key, saying in session.execute(query.where(MailStop.shop_id == shop.id, MailStop.address_key.in_(keys))):
            stops[key].add(saying)
    return stops


def _read_rewards(session: Session, shop: Shop, reward_ids: Collection[int]) -> dict[int, RewardRow]:
    if not reward_ids:
        return {}
    found = session.execute(
        select(
            Reward.id,
            Reward.customer_id,
            Reward.state,
            Reward.granted_minor - Reward.reversed_minor,
            Reward.reversed_minor,
            Reward.adjusted_minor,
            Reward.void_reason,
            Reward.release_at,
            Reward.claim_until,
            Order.id,
            Order.name,
            _is_untold_past(),
            Order.cancelled_at.is_not(None),
            Order.guest_email,
            Order.fact["locale"].astext,
        )
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, among(Reward.id, reward_ids))
    )
    return {reward_id: RewardRow(*values) for reward_id, *values in found}


def _is_untold_past() -> ColumnElement[bool]:
    """Return the condition that nobody asked for a past order's reward, or an import did: only a person's is told."""
    imported = exists().where(
        HistoryImport.shop_id == Order.shop_id,
        HistoryImport.rewards_past,
        HistoryImport.asked_at == Order.reward_asked_at,
    )
    return Order.is_past & (Order.reward_asked_at.is_(None) | imported)


def _read_told(session: Session, shop: Shop, reward_ids: Collection[int]) -> dict[Whose, Told]:
    """Return what customers know of rewards. What a guest was told, the customer knows who claimed it."""
    if not reward_ids:
        return {}
    found = session.execute(
        select(Message.reward_id, Message.customer_id, Message.said)
        .where(
            Message.shop_id == shop.id,
            among(Message.reward_id, reward_ids),
            Message.state == MessageState.MAILED,
            Message.said.is_not(None),
        )
        .order_by(Message.reward_id, Message.done_at, Message.id)
    )
    told: dict[Whose, Told] = {}
    for reward_id, customer_id, said in found:
        assert reward_id is not None
        assert said is not None
        told[reward_id, customer_id] = told_from_json(said)
    return told


def _read_moved(
    session: Session, shop: Shop, reward_ids: Collection[int]
) -> tuple[Counter[Whose], dict[Whose, datetime | None]]:
    moved: Counter[Whose] = Counter()
    ends: dict[Whose, datetime | None] = {}
    if not reward_ids:
        return moved, ends
    # What was moved before two customers became one is the kept one's.
    whose = func.coalesce(Customer.merged_into_id, Customer.id)
    left = Transfer.amount_minor - Transfer.cancelled_minor
    is_done = Transfer.state.in_((TransferState.CONFIRMED, TransferState.NOT_APPLICABLE))
    taken = case((is_done, func.coalesce(Transfer.sent_minor, 0)), else_=left)
    found = session.execute(
        select(Transfer.reward_id, whose, Transfer.kind, left, taken, Transfer.credit_expires_at)
        .join(Customer, Customer.id == Transfer.customer_id)
        .where(
            Transfer.shop_id == shop.id,
            among(Transfer.reward_id, reward_ids),
            (Transfer.kind == TransferKind.DEBIT) | (Transfer.state == TransferState.CONFIRMED),
        )
        .order_by(Transfer.id)
    )
    for reward_id, customer_id, kind, credited_minor, taken_minor, ends_at in found:
        if kind is TransferKind.CREDIT:
            moved[reward_id, customer_id] += credited_minor
            ends[reward_id, customer_id] = ends_at
        else:
            moved[reward_id, customer_id] -= taken_minor
    return moved, ends


def _read_set_off(session: Session, shop: Shop, reward_ids: Collection[int]) -> Counter[Whose]:
    if not reward_ids:
        return Counter()
    whose = func.coalesce(Customer.merged_into_id, Customer.id)
    found = session.execute(
        select(LedgerEntry.reward_id, whose, cast(func.sum(LedgerPosting.amount_minor), BigInteger))
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .join(Customer, Customer.id == LedgerEntry.customer_id)
        .where(
            LedgerEntry.shop_id == shop.id,
            LedgerPosting.shop_id == shop.id,
            among(LedgerEntry.reward_id, reward_ids),
            LedgerEntry.kind == EntryKind.SET_OFF,
        )
        .group_by(LedgerEntry.reward_id, whose)
    )
    set_off: Counter[Whose] = Counter()
    for reward_id, customer_id, minor in found:
        assert reward_id is not None
        set_off[reward_id, customer_id] = minor
    return set_off


def _read_by_hand(
    session: Session, shop: Shop, numbers: Collection[int], customer_ids: Collection[int]
) -> dict[int, ByHand]:
    if not numbers:
        return {}
    is_told = select(Message.subject_id).where(
        Message.shop_id == shop.id,
        among(Message.customer_id, customer_ids),
        Message.topic == Topic.ADJUSTMENT,
        among(Message.subject_id, numbers),
        Message.state == MessageState.MAILED,
    )
    told = set(session.scalars(is_told))
    # What was moved before two customers became one still bears the name of the one who is gone.
    merged = select(Customer.id).where(Customer.shop_id == shop.id, among(Customer.merged_into_id, customer_ids))
    whose = {*customer_ids, *session.scalars(merged)}
    credited = (
        select(Transfer.adjustment_id, Transfer.amount_minor - Transfer.cancelled_minor, Transfer.credit_expires_at)
        .join(Adjustment, Adjustment.id == Transfer.adjustment_id)
        # By customer, as transfers are found by that.
        .where(
            Transfer.shop_id == shop.id,
            among(Transfer.customer_id, whose),
            among(Transfer.adjustment_id, numbers),
            Transfer.kind == TransferKind.CREDIT,
            Transfer.state == TransferState.CONFIRMED,
        )
    )
    given = {number: (minor, ends_at) for number, minor, ends_at in session.execute(credited)}
    query = select(Adjustment.id, Adjustment.kind, Adjustment.amount_minor)
    found = session.execute(query.where(Adjustment.shop_id == shop.id, among(Adjustment.id, numbers)))
    return {
        number: ByHand(kind, amount_minor, *given.get(number, (0, None)), number in told)
        for number, kind, amount_minor in found
    }


def _read_tiers(session: Session, shop: Shop, numbers: Collection[int]) -> dict[int, tuple[str | None, str]]:
    if not numbers:
        return {}
    query = select(TierChange.id, TierChange.before, TierChange.after)
    found = session.execute(query.where(TierChange.shop_id == shop.id, among(TierChange.id, numbers)))
    return {number: (before, after) for number, before, after in found}


def _read_rates(session: Session, shop: Shop, now: datetime) -> dict[str, int]:
    return {tier.name: tier.rate_bps for tier in Programme(session, shop).at(now).tiers}


def _read_endings(session: Session, shop: Shop, numbers: Collection[int], now: datetime) -> dict[int, Ending]:
    """Return by transfer what is left of a credit now, once all that draws on the account is reckoned in."""
    if not numbers:
        return {}
    query = select(Transfer.id, Transfer.customer_id, Transfer.credit_expires_at)
    found = session.execute(query.where(Transfer.shop_id == shop.id, among(Transfer.id, numbers))).all()
    books = read_lot_books(session, shop, {customer_id for _, customer_id, _ in found}, _EVER)
    states = {number: state for book in books.values() for number, state in book.reckon(now).states.items()}
    return {number: Ending(states[number].left_minor, ends_at) for number, _, ends_at in found if number in states}


def _read_statements(session: Session, shop: Shop, numbers: Collection[int]) -> dict[int, Stated]:
    if not numbers:
        return {}
    figures = read_figures(session, shop, numbers)
    query = select(Statement.id, Statement.starts_at, Statement.ends_at)
    found = session.execute(query.where(Statement.shop_id == shop.id, among(Statement.id, numbers)))
    return {number: Stated(starts_at, ends_at, figures[number]) for number, starts_at, ends_at in found}


def _read_refunds(session: Session, shop: Shop, numbers: Collection[int]) -> dict[int, Refunded]:
    if not numbers:
        return {}
    found = session.execute(
        select(CreditMoveRow.id, CreditMoveRow.amount_minor, Order.name)
        .outerjoin(
            Order, (Order.shop_id == CreditMoveRow.shop_id) & (Order.shopify_id == CreditMoveRow.order_shopify_id)
        )
        .where(CreditMoveRow.shop_id == shop.id, among(CreditMoveRow.id, numbers))
    )
    return {number: Refunded(amount_minor, order_name) for number, amount_minor, order_name in found}
