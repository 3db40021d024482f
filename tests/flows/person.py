"""Somebody of whom something is kept wherever it can be, and a look through all tables for what names them."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows import adjust, customers, earn, merges, refund, review, tiers
from app.engine.flows.privacy_requests import open_request
from app.engine.rules.facts import CustomerFact, CustomersMerged, CustomerTold
from app.engine.rules.mailing import Refusal, address_key
from app.engine.rules.messages import MailKind, MailState, StopReason
from app.engine.rules.states import TransferKind
from app.models import (
    Customer,
    Delivery,
    DeliveryState,
    Mail,
    MailStop,
    PrivacyKind,
    PrivacyRequest,
    ReasonCode,
    Reward,
    Shop,
)
from app.personal_data import make_file
from tests.flows.builders import ADA, BEN, BIG, STAFF, Till, day, order, reading, refund_of

TWIN = CustomerFact(BIG + 750, "lovelace@example.com", "Ada Lovelace", ("from Ulm",))
GUESTS = order(40, customer=None, email="ada@example.com", tags=("for Ada",))
#: What names Ada, in small letters; her number stays.
NAMES = ("ada@", "ada example", "lovelace", "for ada", "ring ada", "ulm")


@dataclass(frozen=True, slots=True)
class Kept:
    """Where something was found: the table, and the row as text."""

    table: str
    row: str


def scatter(till: Till) -> None:
    """Have orders, refunds, decisions, hand-made credit, tiers, deliveries, files and a merge say who Ada is."""
    ada = replace(ADA, tags=("from Ulm",))
    orders = [order(number, customer=ada, email="ada@example.com", tags=("for Ada",)) for number in (31, 32, 33)]
    refunds = [refund_of(orders[0], money_minor=500, note="Ring Ada Example first")]
    told = [*orders, order(34, customer=TWIN, on=1), order(35, customer=BEN), GUESTS]
    till.run(lambda session, shop: earn.record_orders(session, shop, told, day(2)))
    till.run(lambda session, shop: refund.record_refunds(session, shop, refunds, day(3)))
    word = CustomerTold(ADA.customer_id, ADA.email, True, ADA.name, ("from Ulm",), day(0), day(3))
    till.run(lambda session, shop: customers.record_customers(session, shop, [word], day(3)))
    till.run(lambda session, shop: _by_hand(session, shop))
    till.run(_mail)
    merged = CustomersMerged(ADA.customer_id, TWIN.customer_id, day(5))
    till.run(lambda session, shop: merges.record_merges(session, shop, [merged], day(5)))
    till.run(_deliver)
    till.check()


def _by_hand(session: Session, shop: Shop) -> None:
    """Let staff write about Ada wherever they can."""
    ada = session.scalars(select(Customer).where(Customer.shopify_id == ADA.customer_id)).one().id
    first, second, third = session.scalars(
        select(Reward).where(Reward.customer_id == ada).order_by(Reward.order_id)
    ).all()[:3]
    if first.state == "in_review":
        review.adjust(session, shop.id, first.id, first.version, 100, "Ring Ada about it", STAFF, day(4))
        review.reject(session, shop.id, second.id, second.version, STAFF, day(4), "Ring Ada about it")
        review.approve(session, shop.id, third.id, third.version, STAFF, day(4))
    note = "Ring Ada about it"
    adjust.propose(session, shop.id, ada, TransferKind.CREDIT, 70, ReasonCode.OTHER, note, STAFF, day(4), "hand-made-1")
    tiers.assign(session, shop.id, [ada], "Gold", note, STAFF, day(4))


def _mail(session: Session, shop: Shop) -> None:
    """Have mails in every state say who Ada is, also as a guest and under an address she had before."""
    ada = session.scalars(select(Customer).where(Customer.shopify_id == ADA.customer_id)).one().id
    written = {"language": "en", "html": "<p>Dear Ada Example</p>", "text": "Dear Ada Example", "created_at": day(4)}
    for number, state in enumerate(MailState):
        customer_id, address = [(ada, "ada@example.com"), (ada, "Ada@old.example.com"), (None, "ada@example.com")][
            number % 3
        ]
        refusal = Refusal.SERVER if state is MailState.REFUSED else None
        session.add(
            Mail(
                shop_id=shop.id,
                kind=MailKind.DIGEST,
                customer_id=customer_id,
                address=address,
                address_key=address_key(address),
                subject="Ada Example, 2.00 for you",
                state=state,
                refusal=refusal,
                error=f"550 {address} is not known here",
                **written,
            )
        )
    for key in ("ada@example.com", "ada@old.example.com"):
        session.add(MailStop(shop_id=shop.id, address_key=key, reason=StopReason.UNSUBSCRIBED, at=day(4)))


def _deliver(session: Session, shop: Shop) -> None:
    """Store deliveries in every state, and a file with Ada's data."""
    body = f'{{"customer": {{"id": {ADA.customer_id}, "email": "ada@example.com", "first_name": "Ada"}}}}'.encode()
    for number, state in enumerate(DeliveryState):
        session.add(
            Delivery(
                shop_id=shop.id,
                webhook_id=f"scattered-{number}",
                topic="customers/update",
                received_at=day(4),
                body=body,
                state=state,
                # A delivery that failed was perhaps never read.
                customer_shopify_id=None if state is DeliveryState.FAILED else ADA.customer_id,
                reason="email must be short; it is 'ada@example.com'." if state is DeliveryState.FAILED else None,
            )
        )
    file = make_file(session, shop, ADA.customer_id, [GUESTS.order_id], day(4))
    open_request(
        session,
        shop,
        PrivacyKind.DATA_REQUEST,
        "data_request:1",
        day(4),
        customer_shopify_id=ADA.customer_id,
        file=file,
    )


def find_person() -> list[Kept]:
    """Return every row of every table that names Ada: in texts, in JSON, and in bytes."""
    with reading() as session:
        found = []
        for table in db.metadata.sorted_tables:
            for row in session.execute(select(table)):
                text = " ".join(_as_text(value) for value in row).casefold()
                if any(name in text for name in NAMES):
                    found.append(Kept(table.name, text))
        files = session.scalars(select(PrivacyRequest.key).where(PrivacyRequest.file.is_not(None)))
        return found + [Kept("privacy_requests", key) for key in files]


def _as_text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def uninstall_for_good(till: Till) -> None:
    """Let the shop remove the app, and Shopify want everybody forgotten."""
    with transaction() as session:
        shop = session.get_one(Shop, till.id)
        shop.uninstalled_at = day(20)
        open_request(session, shop, PrivacyKind.SHOP_REDACT, "shop:1", day(20) + timedelta(hours=48))
