"""A customer's cashback: what is there and what is on its way, each of the last orders, and what ends soon."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import Response
from flask.typing import ResponseReturnValue

from app.clock import utcnow
from app.engine.flows.cashback import OrderCashback, read_customer_page, read_guest_page
from app.engine.flows.journey import CustomerJourney, CustomerStage, read_customer_journeys
from app.mail.links import PageToken, Purpose, read_page
from app.models import Shop
from app.storefront.pages import Nothing, bp, day_in, opened, show, show_nothing
from app.storefront.steps import Step, list_steps


@dataclass(frozen=True, slots=True)
class Told:
    """An order as the page shows it."""

    order: OrderCashback
    ordered_on: date
    steps: tuple[Step, ...]
    takes_longer: bool


@bp.get("/cashback/<token>")
def my_cashback(token: str) -> ResponseReturnValue:
    """Show what a customer has, or what becomes of a guest's order."""
    asked, guests = read_page(Purpose.CASHBACK, token), read_page(Purpose.GUEST, token)
    about = asked or guests
    if about is None:
        return show_nothing(Nothing.UNKNOWN)
    if about.is_over(utcnow()):
        return show_nothing(Nothing.OUTDATED)
    return _show(about, is_guest=asked is None)


def _show(about: PageToken, *, is_guest: bool) -> Response:
    now = utcnow()
    with opened(about.shop_id) as (session, shop):
        if shop is None:
            return show_nothing(Nothing.GONE)
        if is_guest:
            page, journeys = read_guest_page(session, shop, about.number), {}
        else:
            page = read_customer_page(session, shop, about.number, now)
            found = read_customer_journeys(session, shop, page.customer_id, now) if page and page.customer_id else ()
            journeys = {journey.reward_id: journey for journey in found}
        if page is None:
            return show_nothing(Nothing.GONE)
        told = [_tell(shop, order, journeys) for order in page.cashback.recent]
        template = "guest" if is_guest else "cashback"
        return show(template, shop, page.cashback.locale, page=page, told=told, currency=page.cashback.currency)


def _tell(shop: Shop, order: OrderCashback, journeys: Mapping[int, CustomerJourney]) -> Told:
    ordered_on = day_in(shop, order.placed_at)
    days = {CustomerStage.PURCHASED: ordered_on}
    journey = journeys.get(order.reward_id)
    if journey is None:
        return Told(order, ordered_on, list_steps(order, days, None), takes_longer=False)
    days |= {stage: day_in(shop, at) for stage, at in journey.stages}
    expected_on = None if journey.expected_by is None else day_in(shop, journey.expected_by)
    return Told(order, ordered_on, list_steps(order, days, expected_on), journey.takes_longer)
