"""A customer's statement, to read and to print: the figures of the books for a period, and the orders in it."""

from datetime import timedelta

from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from app.clock import utcnow
from app.engine.flows.cashback import find_holder
from app.engine.flows.statements import StatedReward, read_statement
from app.engine.rules.customer_words import Stage, stage_of
from app.engine.rules.statements import Amounts, Figures
from app.errors import NotFound
from app.mail.links import Purpose, read_page
from app.mail.statement_words import word_of
from app.storefront.pages import Nothing, bp, day_in, opened, show, show_nothing

STAGE_WORDS = {
    Stage.ON_ITS_WAY: _("On the way"),
    Stage.ADDED: _("Added"),
    Stage.TAKEN_BACK: _("Taken back"),
    Stage.NONE: _("No cashback"),
}


@bp.get("/statement/<token>")
def my_statement(token: str) -> ResponseReturnValue:
    """Show a statement. Its figures never change once its period is over; what it says of the orders is as of now."""
    asked = read_page(Purpose.STATEMENT, token)
    if asked is None:
        return show_nothing(Nothing.UNKNOWN)
    now = utcnow()
    if asked.is_over(now):
        return show_nothing(Nothing.OUTDATED)
    with opened(asked.shop_id) as (session, shop):
        if shop is None:
            return show_nothing(Nothing.GONE)
        try:
            read = read_statement(session, shop.id, asked.number)
        except NotFound:
            return show_nothing(Nothing.GONE)
        customer = find_holder(session, shop.id, read.customer_id)
        if customer is None:
            return show_nothing(Nothing.GONE)
        return show(
            "statement",
            shop,
            customer.locale,
            read=read,
            from_day=day_in(shop, read.starts_at),
            to_day=day_in(shop, read.ends_at - timedelta(microseconds=1)),
            is_over=read.ends_at <= now,
            owes=_owes(read.figures),
            orders=[(row, day_in(shop, row.placed_at), stage_of(row.state), _kept_minor(row)) for row in read.rewards],
            line_word=word_of,
            stage_words=STAGE_WORDS,
        )


def _owes(figures: Figures) -> bool:
    """Return whether anything was owed in the period: else that column is left out."""
    parts: list[Amounts] = [figures.opening, *figures.lines.values()]
    return any(amounts.owed_minor for amounts in parts)


def _kept_minor(row: StatedReward) -> int:
    return 0 if stage_of(row.state) is Stage.NONE else row.granted_minor - row.reversed_minor
