"""Digests as a test reads them: rounds at a moment of its choosing, with words that are as plain as can be."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.flows import tell
from app.engine.rules.digests import LetterDraft, WrittenLetter
from app.engine.rules.facts import CustomerFact
from app.engine.rules.letters import Letter, News, Written
from app.engine.rules.messages import Saying, StopReason
from app.models import Customer, DigestRun, Mail, MailSettings, MailStop, Message, Shop
from tests.flows.builders import ADA, Till, day, reading

WORDS = Written("A subject", "<p>Some words</p>", "Some words")


class Post:
    """A shop's digests."""

    def __init__(self, till: Till) -> None:
        self.till = till

    def choose(self, **values: object) -> None:
        """Change how the shop tells."""
        with transaction() as session:
            row = session.scalar(select(MailSettings).where(MailSettings.shop_id == self.till.id))
            if row is None:
                row = MailSettings(shop_id=self.till.id)
                session.add(row)
            for name, value in values.items():
                setattr(row, name, value)

    def change_shop(self, **values: object) -> None:
        with transaction() as session:
            session.execute(update(Shop).where(Shop.id == self.till.id).values(**values))

    def change(self, customer_id: int, **values: object) -> None:
        """Change a customer, by Shopify's id."""
        with transaction() as session:
            session.execute(update(Customer).where(Customer.shopify_id == customer_id).values(**values))

    def batch(
        self,
        now: datetime,
        limit: int = tell.BATCH,
        lost: Sequence[str] = (),
        words: Written = WORDS,
        *,
        has_server: bool = True,
    ) -> list[LetterDraft] | None:
        """Make one batch; None where none is due. Letters to ``lost`` addresses cannot be put into words."""

        def flow(session: Session, shop: Shop) -> list[LetterDraft] | None:
            run = tell.begin_run(session, shop, now)
            if run is None:
                return None
            batch = tell.gather(session, shop, run, now, limit)
            written = [WrittenLetter(draft, words) for draft in batch.drafts if draft.letter.address not in lost]
            tell.keep(session, shop, run, batch, written, now, has_server)
            return [each.draft for each in written]

        return self.till.run(flow)

    def round(
        self, now: datetime, limit: int = tell.BATCH, lost: Sequence[str] = (), words: Written = WORDS
    ) -> list[Letter]:
        """Make all that is due, batch after batch; a second round at the same moment must have nothing to say."""
        letters: list[Letter] = []
        while (drafts := self.batch(now, limit, lost, words)) is not None:
            letters += [draft.letter for draft in drafts]
        assert self.batch(now, limit) is None
        return letters

    def news(self, now: datetime) -> list[News]:
        """Return what one round tells all together."""
        return [news for letter in self.round(now) for news in letter.news]

    def due(self, now: datetime) -> bool:
        with reading() as session:
            return self.till.id in tell.list_due_shops(session, now)

    def messages(self) -> list[tuple[str, str | None]]:
        """Return state and drop reason of each message, oldest first."""
        with reading() as session:
            rows = session.scalars(select(Message).where(Message.shop_id == self.till.id).order_by(Message.id))
            return [(row.state.value, row.drop_reason.value if row.drop_reason else None) for row in rows]

    def fates(self) -> list[str]:
        """Return how each message ended, or that it waits."""
        return [reason or state for state, reason in self.messages()]

    def mails(self) -> list[Mail]:
        with reading() as session:
            rows = list(session.scalars(select(Mail).where(Mail.shop_id == self.till.id).order_by(Mail.id)))
            session.expunge_all()
            return rows

    def runs(self) -> list[DigestRun]:
        with reading() as session:
            rows = list(session.scalars(select(DigestRun).order_by(DigestRun.id)))
            session.expunge_all()
            return rows


def short(news: Sequence[News]) -> list[tuple[str, int]]:
    """Return what is said, and of how much."""
    return [(each.saying.value, each.amount_minor) for each in news]


def noon(on: int) -> datetime:
    """Return the digest time at one in the afternoon of a day; what happens on a day is heard of at nine."""
    return day(on, 4 * 3_600)


@pytest.fixture
def post(shop: Till) -> Post:
    """Return the digests of a shop in automatic mode."""
    return Post(shop)


@pytest.fixture
def slow(manual_shop: Till) -> Post:
    """Return the digests of a shop in which every reward waits for a person."""
    return Post(manual_shop)


def customer_id(post: Post, fact: CustomerFact = ADA) -> int:
    with reading() as session:
        which = (Customer.shop_id == post.till.id, Customer.shopify_id == fact.customer_id)
        return session.scalars(select(Customer.id).where(*which)).one()


def stop(post: Post, address: str, saying: Saying | None) -> None:
    with transaction() as session:
        session.add(
            MailStop(
                shop_id=post.till.id,
                address_key=address,
                saying=saying,
                reason=StopReason.UNSUBSCRIBED,
                at=day(0),
            )
        )
