"""The small languages of the cells in app/engine/README.md: an order's marks, goods, terms, rates and limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app.engine.rules import money
from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderLine, PaymentFact, ProductFact
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.terms import Campaign, RateRule, Scope, Terms

from .made import BIG, day, make_terms

NOTHING = "—"
RATE = re.compile(
    r"(?P<name>\w+) (?:(?P<rate>[\d.]+ %)|\u00d7 (?P<times>[\d.]+))"
    r"(?: for (?P<scope>[\w ]+))?(?P<when> until now| from now on)?"
)
LIMIT = re.compile(r"(?P<kind>\w+) (?P<before>[\d.]+) of (?P<limit>[\d.]+)")
#: Words of the cell ``terms`` that switch something, and those that list what is excluded.
SWITCHES: dict[str, dict[str, Any]] = {
    "with tax": {"includes_tax": True},
    "with shipping": {"includes_shipping": True},
    "before discounts": {"before_discounts": True},
    "on sale excluded": {"excludes_on_sale": True},
    "companies earn": {"excludes_b2b": False},
    "credit earns": {"excludes_paid_with_credit": False},
}
EXCLUDED = {
    "tag": "excluded_tags",
    "sku": "excluded_skus",
    "vendor": "excluded_vendors",
    "type": "excluded_product_types",
    "product tag": "excluded_product_tags",
    "channel": "excluded_channels",
    "code": "excluded_discount_codes",
}


def number_of(name: str) -> int:
    """Return the id that a name in a table stands for."""
    return int.from_bytes(name.encode())


def parse_rate(text: str) -> int:
    """Return a percentage like "2.5 %" in basis points."""
    return money.to_minor(text.removesuffix(" %"), "USD")


def parse_marks(marks: list[str], currency: str) -> tuple[dict[str, Any], tuple[PaymentFact, ...]]:
    """Return what the words after an order's goods say: changes of its fact, and its payments."""
    values: dict[str, Any] = {"currency": currency}
    payments: list[PaymentFact] = []
    for mark in marks:
        amount, by, gateway = mark.partition(" by ")
        if mark == "test":
            values["is_test"] = True
        elif mark == "for a company":
            values["is_b2b"] = True
        elif mark.startswith("customer tagged "):
            values["customer"] = CustomerFact(BIG, tags=(mark.removeprefix("customer tagged "),))
        elif mark.startswith("tagged "):
            values["tags"] = (mark.removeprefix("tagged "),)
        elif mark.startswith("paid in "):
            values["currency"] = mark.removeprefix("paid in ")
        elif mark.startswith("with code "):
            values["discount_codes"] = (mark.removeprefix("with code "),)
        elif mark.startswith("shipping "):
            net, _, tax = mark.removeprefix("shipping ").partition(" tax ")
            values["shipping_minor"] = money.to_minor(net, currency)
            values["shipping_tax_minor"] = money.to_minor(tax or "0", currency)
        elif mark.startswith("by "):
            values["payment_gateways"] = tuple(mark.removeprefix("by ").split(" and "))
        elif amount == "sold":
            values["source_name"] = gateway
        elif by:
            payments.append(PaymentFact(len(payments), BIG, gateway, money.to_minor(amount, currency)))
        else:
            values["financial_status"] = FinancialStatus(mark)
    return values, tuple(payments)


@dataclass(frozen=True)
class Goods:
    """The lines of an order with what their goods are, and what the catalogue says of them."""

    lines: tuple[OrderLine, ...]
    products: Mapping[int, ProductFact]


def parse_goods(text: str, lines: tuple[OrderLine, ...]) -> Goods:
    """Return the lines with what the cell ``goods`` says of them; what nobody describes is not in the catalogue."""
    told = {} if text == NOTHING else dict(part.split(": ") for part in text.split("; "))
    assert set(told) <= {line.title for line in lines}
    described = [_describe(line, told[line.title].split(", ")) for line in lines if line.title in told]
    by_id = {line.line_id: line for line, _ in described}
    products = {product.product_id: product for _, product in described}
    return Goods(tuple(by_id.get(line.line_id, line) for line in lines), products)


def _describe(line: OrderLine, words: list[str]) -> tuple[OrderLine, ProductFact]:
    assert line.product_id is not None
    product = ProductFact(line.product_id)
    for text in words:
        word, value = text.rsplit(" ", 1)
        if word == "variant":
            line = replace(line, variant_id=int(value))
        elif word == "sku":
            line = replace(line, sku=value)
        elif word == "vendor":
            line = replace(line, vendor=value)
        elif word == "catalogue vendor":
            product = replace(product, vendor=value)
        elif word == "type":
            product = replace(product, product_type=value)
        elif word == "tag":
            product = replace(product, tags=(*product.tags, value))
        elif word == "in":
            product = replace(product, collection_ids=(*product.collection_ids, number_of(value)))
        else:
            assert word == "on sale", f"the page says {text!r} of its goods, which nobody understands"
            product = replace(product, on_sale_variant_ids=(*product.on_sale_variant_ids, int(value)))
    return line, product


def parse_terms(words: list[str], products: Mapping[str, int | None], currency: str) -> Terms:
    """Return the terms that the cell ``terms`` describes; a bare name there is an excluded product."""
    values: dict[str, Any] = {"currency": currency}
    for text in words:
        word, _, value = text.removesuffix(" excluded").rpartition(" ")
        if text in SWITCHES:
            values |= SWITCHES[text]
        elif word == "minimum":
            values["minimum_order_minor"] = money.to_minor(value, currency)
        elif word == "cap":
            values["cap_per_order_minor"] = money.to_minor(value, currency)
        elif word == "variant":
            values["excluded_variant_ids"] = frozenset({int(value)})
        elif word == "collection":
            values["excluded_collection_ids"] = frozenset({number_of(value)})
        elif word in EXCLUDED:
            values[EXCLUDED[word]] = frozenset({value})
        elif word != "in":
            values["excluded_product_ids"] = frozenset({products[value]})
    return make_terms(**values)


def parse_rules(text: str, products: Mapping[str, int | None]) -> tuple[RateRule, ...]:
    """Return the rates of their own that goods have, from a cell like "Own 5 % for Mug"."""
    rules = []
    for part in [] if text == NOTHING else text.split("; "):
        match = RATE.fullmatch(part)
        assert match, f"the page says {part!r}, which is no rate"
        rules.append(RateRule(match["name"], parse_rate(match["rate"]), _parse_scope(match["scope"], products)))
    return tuple(rules)


def parse_campaigns(text: str, products: Mapping[str, int | None]) -> tuple[Campaign, ...]:
    """Return the campaigns of a cell like "Spring 10 % for Mug"; *now* is the moment of the order, day 0."""
    campaigns = []
    for part in [] if text == NOTHING else text.split("; "):
        match = RATE.fullmatch(part)
        assert match, f"the page says {part!r}, which is no campaign"
        when = (match["when"] or "").strip()
        campaigns.append(
            Campaign(
                match["name"],
                starts_at=day(0) if when == "from now on" else day(-1),
                ends_at=day(0) if when == "until now" else day(0) + timedelta(days=1),
                rate_bps=parse_rate(match["rate"]) if match["rate"] else None,
                multiplier_bps=money.to_minor(match["times"], "CLF") if match["times"] else None,
                scope=_parse_scope(match["scope"], products),
            )
        )
    return tuple(campaigns)


def _parse_scope(text: str | None, products: Mapping[str, int | None]) -> Scope:
    if text is None:
        return Scope()
    word, _, name = text.rpartition(" ")
    if word == "type":
        return Scope(product_types=frozenset({name}))
    if word == "collection":
        return Scope(collection_ids=frozenset({number_of(name)}))
    product_id = products[text]
    assert product_id is not None
    return Scope(product_ids=frozenset({product_id}))


def parse_ceilings(text: str, currency: str) -> tuple[Ceiling, ...]:
    """Return what limits leave, from a cell like "balance 198.00 of 200.00"."""
    ceilings = []
    for part in [] if text == NOTHING else text.split(", "):
        match = LIMIT.fullmatch(part)
        assert match, f"the page says {part!r}, which is no limit"
        before, limit = (money.to_minor(match[name], currency) for name in ("before", "limit"))
        ceilings.append(Ceiling(LimitKind(match["kind"]), limit - before, limit, before))
    return tuple(ceilings)
