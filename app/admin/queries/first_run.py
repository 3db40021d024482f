"""How far a shop is with its first run: told by facts, and where there are none by what somebody said."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.engine.flows import terms
from app.engine.flows.first_run import FirstStep
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.explain import from_json, sentence
from app.engine.rules.facts_json import order_from_json
from app.engine.rules.reward import compute_target
from app.engine.rules.states import Badge, compute_badge
from app.engine.rules.terms import Terms
from app.models import (
    AuditEvent,
    Delivery,
    HistoryImport,
    ImportState,
    Order,
    Reward,
    Shop,
    ShopToken,
    TermsVersion,
    Transfer,
)
from app.sentences import Sentence
from app.shopify.scopes import Permission, find_missing

#: Nothing more happens by itself to an order with one of these.
AT_REST = (Badge.PROCESSED, Badge.NOT_ELIGIBLE, Badge.REJECTED, Badge.REVERSED, Badge.PARTLY_REVERSED)


@dataclass(frozen=True, slots=True)
class Connected:
    """What the connection with Shopify is like."""

    has_token: bool
    missing: tuple[Permission, ...]
    #: Whether customers can spend store credit at the checkout; None while that was not asked.
    can_spend: bool | None
    heard_at: datetime | None

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is known to be in the way."""
        return self.has_token and not self.missing and self.can_spend is not False


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """The newest order since the programme began, with its cashback as it stands."""

    order: Order
    reward: Reward | None
    badge: Badge | None
    sentences: tuple[Sentence, ...]
    is_test: bool
    #: What a test order would earn if it were none, in minor units.
    would_earn_minor: int

    @property
    def is_at_rest(self) -> bool:
        """Say whether nothing more happens by itself."""
        return self.badge in AT_REST


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The five steps, and what is shown of each."""

    done: frozenset[FirstStep]
    #: Of those not done, the ones somebody left out.
    skipped: frozenset[FirstStep]
    connection: Connected
    terms: Terms
    order: FirstOrder | None

    @property
    def next_step(self) -> FirstStep | None:
        """Return the first step that is neither done nor left out."""
        return next((step for step in FirstStep if step not in self.done | self.skipped), None)

    @property
    def passed(self) -> int:
        """Return how many steps are behind the shop."""
        return len(self.done | self.skipped)


def find_first_run(session: Session, shop: Shop, now: datetime) -> FirstRun:
    """Return how far a shop is."""
    connection = _look_at_connection(session, shop)
    first = _find_order(session, shop, now)
    said = {FirstStep(step) for step in shop.first_run_done if step in set(FirstStep)}
    facts = {
        FirstStep.CONNECTION: connection.is_whole,
        FirstStep.RATE: FirstStep.RATE in said or _has_own_terms(session, shop.id),
        FirstStep.MODE: FirstStep.MODE in said or _has_switched(session, shop.id),
        FirstStep.START: FirstStep.START in said or _has_imported(session, shop.id),
        FirstStep.ORDER: first is not None,
    }
    done = frozenset(step for step, is_done in facts.items() if is_done)
    return FirstRun(
        done=done,
        skipped=frozenset(said) - done,
        connection=connection,
        terms=terms.get_current(session, shop.id, now),
        order=first,
    )


def _look_at_connection(session: Session, shop: Shop) -> Connected:
    token = session.get(ShopToken, shop.id)
    newest = select(Delivery.received_at).where(Delivery.shop_id == shop.id).order_by(Delivery.id.desc()).limit(1)
    return Connected(
        has_token=token is not None and token.refused_at is None,
        missing=() if token is None else find_missing(token.scope),
        can_spend=shop.store_credit_enabled,
        heard_at=session.scalar(newest),
    )


def _has_own_terms(session: Session, shop_id: int) -> bool:
    return _is_there(session, TermsVersion.shop_id == shop_id, TermsVersion.version > 1)


def _has_switched(session: Session, shop_id: int) -> bool:
    return _is_there(session, AuditEvent.shop_id == shop_id, AuditEvent.action == "set_mode")


def _has_imported(session: Session, shop_id: int) -> bool:
    is_whole = HistoryImport.state == ImportState.FINISHED
    return _is_there(session, HistoryImport.shop_id == shop_id, HistoryImport.is_dry_run.is_(False), is_whole)


def _is_there(session: Session, *which: object) -> bool:
    return bool(session.scalar(select(exists().where(*which))))  # type: ignore[arg-type]  # conditions on columns


def _find_order(session: Session, shop: Shop, now: datetime) -> FirstOrder | None:
    newest = select(Order).where(Order.shop_id == shop.id, Order.is_past.is_(False))
    if shop.began_at is not None:
        newest = newest.where(Order.placed_at >= shop.began_at)
    order = session.scalar(newest.order_by(Order.placed_at.desc(), Order.id.desc()).limit(1))
    if order is None:
        return None
    reward = session.scalar(select(Reward).where(Reward.shop_id == shop.id, Reward.order_id == order.id))
    if reward is None:
        return FirstOrder(order, None, None, (), False, 0)
    of_reward = (Transfer.shop_id == shop.id, Transfer.reward_id == reward.id)
    states = tuple(session.scalars(select(Transfer.state).where(*of_reward)))
    is_test = reward.ineligible_reason is IneligibleReason.TEST_ORDER
    return FirstOrder(
        order,
        reward,
        compute_badge(reward.state, reward.reversed_minor, states),
        tuple(sentence(from_json(step), shop.currency) for step in reward.steps),
        is_test,
        _would_earn(order, terms.get_current(session, shop.id, now)) if is_test else 0,
    )


def _would_earn(order: Order, current: Terms) -> int:
    """Return what a test order's goods would earn a customer of the lowest tier, but for what the catalogue says."""
    fact = replace(order_from_json(order.fact), is_test=False)
    return compute_target(fact, (), current, current.tiers[0]).granted_minor
