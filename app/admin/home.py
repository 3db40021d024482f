"""The front page: how the engine is, what needs somebody, today's figures, and the last weeks as charts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.display import zone
from app.admin.home_charts import draw_charts, share_tiers
from app.admin.home_lags import read_stages
from app.admin.home_needs import list_needs
from app.admin.queries.home import (
    Days,
    Decisions,
    Open,
    Waiting,
    measure_decisions,
    read_days,
    read_open,
    read_waiting,
)
from app.clock import utcnow
from app.db import db
from app.engine.day_sums import DaySum, add_to
from app.engine.rules.states import RewardState
from app.status.causes import find_status

#: Over how many days the charts go; the first is shown unless asked otherwise.
SPANS = (30, 90)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The figures at the top. Amounts are in minor units of the shop's currency."""

    today: DaySum
    month: DaySum
    waiting: Waiting
    failed: int
    decisions: Decisions
    available_minor: int
    owed_minor: int
    is_behind: bool


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show the front page, whatever Shopify put into the address; with ``part=now`` only what renews itself."""
    asked = request.args.get("days", "")
    span = int(asked) if asked in map(str, SPANS) else SPANS[0]
    session, now = db.session(), utcnow()
    today = now.astimezone(zone(g.shop.timezone)).date()
    first = today - timedelta(days=max(SPANS) - 1)
    days = read_days(session, g.shop, first)
    waiting, open_ = read_waiting(session, g.shop.id), read_open(session, g.shop.id)
    engine = find_status(session, g.shop, now)
    shown = {
        "engine": engine,
        "needs": list_needs(engine, waiting, open_, g.shop),
        "tiles": _tiles(days, today, waiting, open_, now),
        "spans": SPANS,
        "span": span,
    }
    if request.args.get("part") == "now":
        return render_template("admin/home_now.html", **shown)
    since = today - timedelta(days=span - 1)
    charts = draw_charts(days, since, today, sum(one.count for one in waiting.values()), g.shop.currency)
    tiers, lags = share_tiers(days.total(since)), read_stages(session, g.shop, now)
    return render_template("admin/home.html", charts=charts, tiers=tiers, lags=lags, **shown)


def _tiles(days: Days, today: date, waiting: dict[RewardState, Waiting], open_: Open, now: datetime) -> Tiles:
    both = waiting.values()
    outstanding = days.total(date.min)
    add_to(outstanding, days.before)
    return Tiles(
        today=days.by_day.get(today, DaySum()),
        month=days.total(today - timedelta(days=SPANS[0] - 1)),
        waiting=Waiting(
            sum(one.count for one in both),
            sum(one.total_minor for one in both),
            min((one.oldest_at for one in both if one.oldest_at is not None), default=None),
        ),
        failed=open_.refused_transfers + open_.unknown_transfers + open_.failed_deliveries,
        decisions=measure_decisions(db.session(), g.shop.id, now),
        available_minor=outstanding.available_minor,
        owed_minor=-outstanding.owed_minor,
        is_behind=days.is_behind,
    )
