"""Credit and debit by hand, with a reason; above an amount a second person must agree. And forgiving what is owed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.daybook import Cause, Daybook
from app.engine.expiries import Expiries
from app.engine.locks import lock_customers
from app.engine.programme import Programme
from app.engine.rules import postings
from app.engine.rules.expiry import compute_expires_at
from app.engine.rules.money import Money
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.roles import Duty
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Terms
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Adjustment, AdjustmentState, Customer, LedgerEntry, ReasonCode, Shop
from app.sentences import marked, say

MAX_NOTE_LENGTH = 500
MAX_KEY_LENGTH = 200
#: What is said to whoever comes too late to decide.
_DECIDED = {
    AdjustmentState.BOOKED: marked("This does not wait for a second person; it is booked already."),
    AdjustmentState.DECLINED: marked("This does not wait for a second person; it is declined already."),
}
#: Nobody gives or takes more than this at once, in minor units: what is larger is a slip of the finger.
LARGEST_MINOR = 100_000_000


def propose(
    session: Session,
    shop_id: int,
    customer_id: int,
    kind: TransferKind,
    amount_minor: int,
    reason_code: ReasonCode,
    note: str,
    actor: str,
    now: datetime,
    key: str,
) -> Adjustment:
    """Give or take credit by hand; above the terms' limit it waits for a second person to agree.

    ``key`` is made by whoever asks: asked twice with one key, it is done once. Raises Refused with what is wrong.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    note, key = _clean(note), _clean(key)
    _check_words(reason_code, note, key)
    shop = _get_shop(session, shop_id)
    if not 0 < amount_minor <= LARGEST_MINOR:
        largest = Money(LARGEST_MINOR, shop.currency)
        raise Refused(say("The amount must be above zero and at most {largest}.", largest=largest))
    _check_account(_lock(session, shop_id, customer_id))
    asked = {
        "customer_id": customer_id,
        "kind": kind,
        "currency": shop.currency,
        "amount_minor": amount_minor,
        "reason_code": reason_code,
        "note": note,
    }
    adjustment, is_new = _store(session, shop, key, asked, actor, now)
    if not is_new:
        return adjustment
    terms = Programme(session, shop).at(now)
    limit_minor = terms.second_person_above_minor
    if limit_minor is not None and amount_minor > limit_minor:
        _check_covered(_open_daybook(session, shop, adjustment, actor, now), adjustment, terms)
    else:
        adjustment.state = AdjustmentState.BOOKED
        _book(session, shop, adjustment, terms, actor, now)
    _record(session, adjustment, "propose_adjustment", {}, actor, now, note or None)
    return adjustment


def agree(session: Session, shop_id: int, adjustment_id: int, actor: str, now: datetime) -> Adjustment:
    """Book what another person proposed; raise Refused for the one who proposed it, or if it does not wait."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    adjustment = _get_proposed(session, shop_id, adjustment_id)
    if adjustment.proposed_by == actor:
        raise Refused("A second person must agree: you proposed this yourself.")
    _check_account(session.get_one(Customer, adjustment.customer_id))
    shop = _get_shop(session, shop_id)
    _decide(adjustment, AdjustmentState.BOOKED, actor, now, None)
    _book(session, shop, adjustment, Programme(session, shop).at(now), actor, now)
    _record(session, adjustment, "agree_adjustment", {"state": AdjustmentState.PROPOSED}, actor, now, None)
    return adjustment


def decline(session: Session, shop_id: int, adjustment_id: int, actor: str, now: datetime, reason: str) -> Adjustment:
    """Close a proposal without booking it; who proposed it may do so, too. The reason is kept."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    reason = _checked_reason(reason)
    adjustment = _get_proposed(session, shop_id, adjustment_id)
    _decide(adjustment, AdjustmentState.DECLINED, actor, now, reason)
    _record(session, adjustment, "decline_adjustment", {"state": AdjustmentState.PROPOSED}, actor, now, reason)
    return adjustment


def forgive_owed(
    session: Session,
    shop_id: int,
    customer_id: int,
    reason: str,
    actor: str,
    now: datetime,
    *,
    seen_minor: int | None = None,
) -> int:
    """Ask no more for what a customer owes; return how much that was, in minor units. Refused if it is nothing.

    ``seen_minor`` is what the person saw owed: where it is another amount by now, nothing is forgiven.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    reason = _checked_reason(reason)
    shop = _get_shop(session, shop_id)
    _lock(session, shop_id, customer_id)
    daybook = Daybook(session, shop, {customer_id}, actor=actor, now=now)
    owed_minor = -daybook.balance(customer_id, Account.OWED)
    if owed_minor == 0:
        raise Refused("This customer owes nothing.")
    if seen_minor not in (None, owed_minor):
        owed = Money(owed_minor, shop.currency)
        raise Refused(say("This changed meanwhile: the customer owes {owed} now. Look again and decide.", owed=owed))
    number = session.scalar(
        select(func.count()).where(LedgerEntry.shop_id == shop_id, LedgerEntry.customer_id == customer_id)
    )
    subject = f"customer:{customer_id}:{number}"
    daybook.enter(EntryKind.FORGIVENESS, customer_id, subject, postings.forgive(owed_minor), now)
    daybook.write()
    record(
        session,
        shop_id,
        actor,
        "forgive_owed",
        subject=("customer", customer_id),
        before={"owed_minor": owed_minor},
        after={"owed_minor": 0},
        now=now,
        reason=reason,
    )
    session.flush()
    return owed_minor


def _book(session: Session, shop: Shop, adjustment: Adjustment, terms: Terms, actor: str, now: datetime) -> None:
    daybook = _open_daybook(session, shop, adjustment, actor, now)
    covered_minor = _check_covered(daybook, adjustment, terms)
    subject, cause = str(adjustment.id), Cause(adjustment_id=adjustment.id)
    if adjustment.kind is TransferKind.CREDIT:
        rows = postings.give_by_hand(adjustment.amount_minor)
        expires_at = compute_expires_at(terms.expiry, now, ZoneInfo(shop.timezone))
    else:
        rows, expires_at = postings.take(Account.ADJUSTED, adjustment.amount_minor, covered_minor), None
    daybook.enter(EntryKind.ADJUSTMENT, adjustment.customer_id, subject, rows, now, cause)
    if covered_minor:
        subject = f"adjustment:{adjustment.id}"
        daybook.plan(adjustment.kind, adjustment.customer_id, subject, covered_minor, cause, expires_at)
    daybook.write()


def _open_daybook(session: Session, shop: Shop, adjustment: Adjustment, actor: str, now: datetime) -> Daybook:
    """Return a daybook in which what has expired until now is entered already: nobody can take that."""
    whose = {adjustment.customer_id}
    daybook = Daybook(session, shop, whose, actor=actor, now=now)
    expiries = Expiries(session, shop, whose, daybook, now)
    expiries.lower()
    expiries.raise_()
    return daybook


def _check_covered(daybook: Daybook, adjustment: Adjustment, terms: Terms) -> int:
    """Return how much of it is moved in Shopify; raise Refused for a debit of more than there is, unless it may owe."""
    if adjustment.kind is TransferKind.CREDIT:
        return adjustment.amount_minor
    available_minor = daybook.balance(adjustment.customer_id, Account.AVAILABLE)
    if adjustment.amount_minor > available_minor and not terms.debit_may_owe:
        there = Money(available_minor, adjustment.currency)
        raise Refused(
            say("This customer has {there}; take at most that, or let debits by hand owe in the terms.", there=there)
        )
    return min(adjustment.amount_minor, available_minor)


def _check_words(reason_code: ReasonCode, note: str, key: str) -> None:
    if len(note) > MAX_NOTE_LENGTH:
        raise Refused(say("The note is too long; use at most {most} characters.", most=MAX_NOTE_LENGTH))
    if reason_code is ReasonCode.OTHER and not note:
        raise Refused("Say why in the note when the reason is none of the list.")
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise Refused(
            say(
                "Name this adjustment by a key of 1 to {most} characters, so that it is made once.", most=MAX_KEY_LENGTH
            )
        )


def _checked_reason(reason: str) -> str:
    reason = _clean(reason)
    if not reason:
        raise Refused("Say why: this decision needs a reason.")
    if len(reason) > MAX_NOTE_LENGTH:
        raise Refused(say("The reason is too long; use at most {most} characters.", most=MAX_NOTE_LENGTH))
    return reason


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()  # the one character PostgreSQL's text cannot hold


def _store(
    session: Session, shop: Shop, key: str, asked: dict[str, object], actor: str, now: datetime
) -> tuple[Adjustment, bool]:
    """Return the adjustment of a key and whether it is new; raise Refused if the key names another one."""
    proposed = {"state": AdjustmentState.PROPOSED, "proposed_by": actor, "proposed_at": now}
    statement = upsert(Adjustment).values(shop_id=shop.id, key=key, **asked, **proposed)
    made = session.scalar(statement.on_conflict_do_nothing(index_elements=["shop_id", "key"]).returning(Adjustment))
    if made is not None:
        return made, True
    known = session.scalars(select(Adjustment).where(Adjustment.shop_id == shop.id, Adjustment.key == key)).one()
    if any(getattr(known, name) != value for name, value in asked.items()):
        raise Refused(say("The key {key} was used for another adjustment; give this one a key of its own.", key=key))
    return known, False


def _get_proposed(session: Session, shop_id: int, adjustment_id: int) -> Adjustment:
    of_this_shop = (Adjustment.shop_id == shop_id, Adjustment.id == adjustment_id)
    customer_id = session.scalar(select(Adjustment.customer_id).where(*of_this_shop))
    if customer_id is None:
        raise NotFound("There is no such credit or debit by hand in this shop.")
    _lock(session, shop_id, customer_id)
    adjustment = session.get_one(Adjustment, adjustment_id, with_for_update=True, populate_existing=True)
    if adjustment.customer_id != customer_id:
        # Merged while we waited: what is proposed went on to whoever was kept.
        _lock(session, shop_id, adjustment.customer_id)
    if adjustment.state is not AdjustmentState.PROPOSED:
        raise Refused(_DECIDED[adjustment.state])
    return adjustment


def _check_account(customer: Customer) -> None:
    """Raise Refused for a customer who has no account in Shopify any more."""
    if customer.merged_into_id is not None:
        raise Refused("This customer was merged into another; adjust the credit of that one.")
    if customer.deleted_at is not None or customer.redacted_at is not None:
        raise Refused("This customer was deleted; there is no account to adjust.")


def _lock(session: Session, shop_id: int, customer_id: int) -> Customer:
    lock_customers(session, shop_id, {customer_id})
    customer = session.scalar(
        select(Customer)
        .where(Customer.shop_id == shop_id, Customer.id == customer_id)
        .execution_options(populate_existing=True)
    )
    if customer is None:
        raise NotFound("There is no such customer in this shop.")
    return customer


def _get_shop(session: Session, shop_id: int) -> Shop:
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop


def _decide(adjustment: Adjustment, state: AdjustmentState, actor: str, now: datetime, reason: str | None) -> None:
    adjustment.state, adjustment.decided_by, adjustment.decided_at = state, actor, now
    adjustment.decision_reason = reason


def _record(
    session: Session,
    adjustment: Adjustment,
    action: str,
    before: dict[str, object],
    actor: str,
    now: datetime,
    reason: str | None,
) -> None:
    session.flush()
    record(
        session,
        adjustment.shop_id,
        actor,
        action,
        subject=("adjustment", adjustment.id),
        before=before,
        after={
            "state": adjustment.state,
            "kind": adjustment.kind,
            "amount_minor": adjustment.amount_minor,
            "customer_id": adjustment.customer_id,
            "reason_code": adjustment.reason_code,
        },
        now=now,
        reason=reason,
    )
    session.flush()
