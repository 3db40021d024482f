"""Every page of the admin that reads, in a shop as ``bench.big_shop`` makes it: with its filters and sorts."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Flask

from app.admin.orders import BADGES
from app.admin.queries import calculations, customers, reviews
from app.admin.review_forms import AGES
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.facts import MoveKind
from app.engine.rules.messages import MailKind, MailState
from app.engine.rules.postings import EntryKind
from app.models import DeliveryState, TierChangeKind

#: What stands in the addresses of single things.
NUMBERS = {
    "shopify_id": "9007199254755992",  # the order with our id 15,000
    "customer_id": "100",
    "statement_id": "1200",
    "delivery_id": "10",
    "member_id": "1",
    "import_id": "1",
    "number": "1",
    "mail_id": "5000",
    "template": "earned",
    "language": "de",
}
_NAMES = ("ada", "ada bsample", "bsample1", "customer-17", "customer-1717@example.com", "#1234", "nobody at all")


def list_paths(app: Flask, now: datetime) -> list[str]:
    """Return each address that the guard lets look, and the lists as they are asked for."""
    plain = [
        re.sub(r"<(?:\w+:)?(\w+)>", lambda part: NUMBERS[part[1]], rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ())
    ]
    day = (now - timedelta(days=60)).date().isoformat()
    asked = {
        "/": ["days=90", "days=365", "part=now"],
        "/reviews": [
            *_each("show", reviews.Show),
            *_each("older", AGES),
            *("sort=largest", "why=order_value", "tier=Gold", "tier=Gone", "above=1.00", "sort=largest&above=1.00"),
        ],
        "/orders": [
            *_each("badge", BADGES),
            *_each("search", _NAMES),
            *("tier=Gold", "tier=Gone", f"from={day}", f"to={day}", "at_least=50", "at_least=9999999"),
            *("tier=Gold&badge=settled", "badge=failed&search=ada", f"tier=Silver&from={day}&at_least=1"),
        ],
        "/customers": [
            *_each("search", _NAMES),
            *_each("sort", customers.Sort),
            *_each("show", customers.Show),
            *(
                "tag=vip",
                "tag=unknown",
                "of_tier=Gold",
                "of_tier=Gone",
                "show=pending&sort=balance",
                "of_tier=Gold&sort=owed",
            ),
        ],
        "/ledger": [
            *_each("kind", EntryKind),
            *_each("search", _NAMES),
            *(
                "customer=100",
                "actor=system",
                "actor=staff:42",
                "amount=2.00",
                "amount=77.77",
                f"from={day}",
                f"to={day}",
            ),
            *(f"kind=clawback&from={day}", f"actor=staff:42&kind=void&to={day}", "kind=void&amount=77.77"),
        ],
        "/calculations": [
            *_each("outcome", calculations.Outcome),
            *_each("reason", IneligibleReason),
            *("tier=Gold", "tier=Gone", f"from={day}", f"to={day}&tier=Silver", "tier=Gold&outcome=cut"),
        ],
        "/statements": [*_each("search", _NAMES), "customer=100"],
        "/accounts": ["show=all", "show=all&after=500", "show=all&before=500", "after=500"],
        "/accounts/changes": _each("kind", MoveKind),
        "/activity": [
            *_each("action", ("approve", "reject", "release", "set_mode", "no_such_action")),
            *_each("search", _NAMES),
            *("actor=staff:42", "actor=cli", f"from={day}", f"to={day}", "actor=staff:42&action=reject"),
        ],
        "/deliveries": [
            *_each("state", DeliveryState),
            *("topic=orders/paid", "topic=no/such", "search=9007199254755992", "search=15000"),
            *("topic=orders/paid&state=failed", "topic=refunds/create&state=ignored"),
        ],
        "/mails": [
            *_each("state", MailState),
            *_each("kind", MailKind),
            *_each("search", ("customer-17@", "c", "nobody")),
            *("state=refused&kind=statement", "state=sent&search=customer-100@example.com", "before=4000", "after=9"),
        ],
        "/tiers": ["figures=1"],
        "/tiers/log": [
            *_each("kind", TierChangeKind),
            *("tier=Gold", "tier=Gone", "tier=Silver&kind=upgrade", "tier=Gold&kind=initial", "customer=100"),
        ],
        "/tiers/edit": ["customers=1"],
        "/rules": ["start=1"],
        "/settings/business": ["days=30", "days=90", "days=365"],
    }
    assert asked.keys() <= set(plain)
    return [*plain, *(f"{path}?{query}" for path, queries in asked.items() for query in queries)]


def _each(name: str, values: Iterable[str]) -> list[str]:
    return [urlencode({name: value}) for value in values]
