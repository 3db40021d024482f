"""A shop with a past: orders from before the app came, in the sandbox, and the import that brings them in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows import imports
from app.engine.flows.check_books import check_books
from app.engine.flows.program import Waiting, set_mode
from app.engine.rules.terms import Mode
from app.errands.history import import_step
from app.models import Customer, HistoryImport, ImportState, Order, Reward, Shop, SpendRow, Transfer, Window
from tests.shopify.desk import STAFF, Desk

Json = dict[str, Any]
PATIENCE = 400


class Past:
    """Places orders before the programme began, and imports them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shop_id = desk.shop_id
        self._http = requests.Session()
        self._http.trust_env = False
        with transaction() as session:
            set_mode(session, self.shop_id, Mode.AUTOMATIC, Waiting.KEEP, STAFF, desk.clock())

    def post(self, path: str, **body: Any) -> Json:
        """Call the sandbox's control API."""
        answer = self._http.post(f"{self.desk.box.url}/sandbox/{path}", json=body, timeout=30)
        assert answer.ok, f"{path} {body}: {answer.text}"
        return dict(answer.json())

    def get(self, path: str) -> Json:
        return dict(self._http.get(f"{self.desk.box.url}/sandbox/{path}", timeout=30).json())

    def order(self, price: str = "100.00", days_ago: int = 30, who: str = "ada", **more: Any) -> Json:
        """Place an order; the app hears nothing of it."""
        values = {
            "customer": {"email": f"{who}@example.com", "first_name": who.title(), "last_name": "Example"},
            "lines": [{"price": price, "quantity": 2}],
            "created_at": (self.desk.clock() - timedelta(days=days_ago)).isoformat(),
            **more,
        }
        return dict(self.post("orders", **values)["order"])

    def refund(self, order: Json, days_ago: int, **what: Any) -> None:
        at = (self.desk.clock() - timedelta(days=days_ago)).isoformat()
        self.post(f"orders/{order['id']}/refund", at=at, **(what or {"lines": [{"index": 0, "quantity": 1}]}))

    def ask(self, window: Window = Window.DAYS_60, *, sees_all: bool = True, **how: bool) -> int:
        with transaction() as session:
            now = self.desk.clock()
            return imports.ask(session, self.shop_id, window, STAFF, now, sees_all=sees_all, **how).id

    def step(self, clock: Callable[[], datetime] | None = None, **how: Any) -> bool:
        """Let a worker carry the import on, as soon as it may be taken up."""
        self._until_due()
        values = {"lasts": None, **how}
        more = import_step(self.shop_id, clock=clock or self.desk.clock, **values)
        db.session.remove()
        return more

    def carry(self, **how: Any) -> HistoryImport:
        """Carry the import to its end."""
        for _ in range(PATIENCE):
            if self.row().state.is_over or self.row().paused_at is not None:
                return self.row()
            self.step(**how)
        raise AssertionError(f"The import does not end: {self.row().state}, {self.row().error}")

    def bring_in(self, window: Window = Window.DAYS_60, *, batch: int = 500, **how: bool) -> HistoryImport:
        self.ask(window, **how)
        return self.carry(batch=batch)

    def change(self, verb: Callable[..., object]) -> None:
        """Let staff pause, resume or cancel."""
        with transaction() as session:
            verb(session, self.shop_id, STAFF, self.desk.clock())
        db.session.remove()

    def row(self) -> HistoryImport:
        """Return the newest import as it stands."""
        db.session.remove()
        with transaction() as session:
            found = imports.find_newest(session, self.shop_id)
            assert found is not None
            session.expunge(found)
        return found

    def rewards(self) -> dict[int, tuple[str, str | None, int, int]]:
        """Return of every order state, reason, granted and kept, by Shopify's id."""
        db.session.remove()
        rows = db.session.execute(
            select(
                Order.shopify_id,
                Reward.state,
                Reward.ineligible_reason,
                Reward.granted_minor,
                Reward.granted_minor - Reward.reversed_minor,
            ).join(Reward, Reward.order_id == Order.id)
        )
        return {row[0]: (row[1].value, row[2] and row[2].value, row[3], row[4]) for row in rows}

    def spend(self) -> dict[str, tuple[str | None, int]]:
        """Return the tier shown and the net spend of every customer, by email."""
        db.session.remove()
        spent = select(Customer.email, Customer.tier_name, func.coalesce(func.sum(SpendRow.amount_minor), 0)).outerjoin(
            SpendRow, SpendRow.customer_id == Customer.id
        )
        rows = db.session.execute(spent.group_by(Customer.email, Customer.tier_name))
        return {row[0]: (row[1], int(row[2])) for row in rows}

    def transfers(self) -> int:
        db.session.remove()
        return db.session.scalar(select(func.count()).select_from(Transfer)) or 0

    def check(self) -> None:
        db.session.remove()
        with transaction() as session:
            assert list(check_books(session)) == []

    def told(self) -> tuple[Any, ...]:
        """Return all that the import has brought, to compare two imports."""
        self.check()
        return self.rewards(), self.spend(), self.transfers()

    def run(self, flow: Callable[[Session, Shop], object]) -> None:
        db.session.remove()
        with transaction() as session:
            flow(session, session.get_one(Shop, self.shop_id))

    def _until_due(self) -> None:
        row = self.row()
        if row.state in (ImportState.ASKED, ImportState.COLLECTING):
            self._wait_for_shopify()
        if row.next_step_at is not None:
            late = (row.next_step_at - self.desk.clock()).total_seconds()
            self.desk.clock.advance(max(0, int(late) + 1) if late > 0 else 0)

    def _wait_for_shopify(self) -> None:
        book = self.desk.sandbox_shop.bulk
        book.wait_idle(10)
