"""Reads the tables of app/engine/README.md: their rows, and the small language of their cells."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.engine.rules import money
from app.engine.rules.facts import (
    NO_DETAILS,
    Details,
    DisputeFact,
    DisputeStatus,
    OrderFact,
    OrderLine,
    RefundFact,
    RefundLine,
)
from app.engine.rules.limits import Ceiling
from app.engine.rules.reward import Adjustment, Target, compute_target
from app.engine.rules.terms import Precedence, Terms, Tier

from .made import BIG, day, make_order
from .table_cells import (
    NOTHING,
    parse_campaigns,
    parse_ceilings,
    parse_goods,
    parse_marks,
    parse_rate,
    parse_rules,
    parse_terms,
)

README = Path(__file__).parents[2] / "app" / "engine" / "README.md"
LINE = re.compile(
    r"(?P<name>[A-Z][A-Za-z ]*?) (?:(?P<quantity>\d+) \u00d7 )?(?P<price>[\d.]+)"
    r"(?: less (?P<less>[\d.]+))?(?: tax (?P<tax>[\d.]+))?"
)
RETURN = re.compile(r"(?P<units>\d+ .+?) returned(?: for (?P<money>[\d.]+))?(?: with shipping (?P<shipping>[\d.]+))?")

Row = dict[str, str]


def read_tables(*sections: str) -> list[list[Row]]:
    """Return the tables of the page, or of some ``##`` sections of it, as lists of rows by column name."""
    tables: list[list[Row]] = []
    header: list[str] | None = None
    section = ""
    for text in README.read_text(encoding="utf-8").splitlines():
        if text.startswith("## "):
            section = text.removeprefix("## ")
        if sections and section not in sections:
            continue
        if not text.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if header is None:
            header = cells
            tables.append([])
        elif not set("".join(cells)) <= set("-: "):
            tables[-1].append(dict(zip(header, cells, strict=True)))
    return tables


def tables_with(*columns: str) -> Iterator[list[Row]]:
    """Yield the tables that have all the given columns."""
    return (rows for rows in read_tables() if set(columns) <= set(rows[0]))


@dataclass
class Example:
    """An order of the tables that things happen to."""

    order: OrderFact
    terms: Terms
    #: What a line was sold for, by its title: tax inside where prices include it.
    sold_minor: Mapping[str, int]
    refunds: list[RefundFact] = field(default_factory=list)
    details: Details = NO_DETAILS
    ceilings: tuple[Ceiling, ...] = ()
    set_minor: int | None = None

    def target(self) -> Target:
        """Return what the order's reward should be now."""
        hand = None if self.set_minor is None else Adjustment(self.set_minor, "staff:7", "a late parcel")
        return compute_target(
            self.order,
            self.refunds,
            self.terms,
            self.terms.tiers[0],
            details=self.details,
            ceilings=self.ceilings,
            adjustment=hand,
        )

    def happen(self, text: str, on_day: int) -> None:
        """Let one thing happen to the order: a return, money back, an edit, a cancellation, a dispute."""
        if text == "cancelled":
            self.order = replace(self.order, cancelled_at=day(on_day))
        elif text.startswith("dispute "):
            word = text.removeprefix("dispute ").replace("opened", "needs_response")
            dispute = DisputeFact(1, self.order.order_id, DisputeStatus(word), day(on_day))
            self.details = replace(self.details, disputes=(dispute,))
        elif " off " in text:
            self._take_off(*text.split(" off ", 1))
        elif text.endswith(" taken out"):
            self._take_out(text.removesuffix(" taken out"))
        elif text.endswith(" paid back"):
            amount = text.removesuffix(" paid back")
            shipping = self._minor(amount.removeprefix("shipping ")) if amount.startswith("shipping ") else 0
            self._refund(on_day, (), shipping or self._minor(amount.removeprefix("shipping ")), shipping)
        else:
            self._give_back(text, on_day)

    def _give_back(self, text: str, on_day: int) -> None:
        match = RETURN.fullmatch(text)
        assert match, f"the page says {text!r}, which nobody understands"
        lines = tuple(self._returned(*part.split(" ", 1)) for part in match["units"].split(" + "))
        goods = sum(line.subtotal_minor + (0 if self.order.taxes_included else line.tax_minor) for line in lines)
        shipping = self._minor(match["shipping"] or "0")
        self._refund(on_day, lines, self._minor(match["money"]) if match["money"] else goods + shipping, shipping)

    def _returned(self, quantity: str, title: str) -> RefundLine:
        line = self._line(title)
        before = sum(part.quantity for r in self.refunds for part in r.lines if part.line_id == line.line_id)
        return RefundLine(
            line.line_id,
            int(quantity),
            _between(self.sold_minor[title], before, int(quantity), line.quantity),
            _between(line.tax_minor, before, int(quantity), line.quantity),
        )

    def _take_out(self, text: str) -> None:
        quantity, title = text.split(" ", 1)
        old = self._line(title)
        new = replace(old, removed_quantity=old.removed_quantity + int(quantity))
        lines = tuple(new if line is old else line for line in self.order.lines)
        self.order = replace(self.order, lines=lines)

    def _take_off(self, text: str, title: str) -> None:
        """Give a discount by an edit, on a line without tax: it lowers what the line and the order cost."""
        old, off_minor = self._line(title), self._minor(text)
        new = replace(old, net_minor=old.net_minor - off_minor, discount_minor=old.discount_minor + off_minor)
        lines = tuple(new if line is old else line for line in self.order.lines)
        self.order = replace(self.order, lines=lines, total_minor=self.order.total_minor - off_minor)

    def _refund(self, on_day: int, lines: tuple[RefundLine, ...], money_minor: int, shipping: int) -> None:
        number = self.order.order_id * 100 + len(self.refunds)
        self.refunds.append(RefundFact(number, self.order.order_id, day(on_day), lines, money_minor, shipping))

    def _line(self, title: str) -> OrderLine:
        return next(line for line in self.order.lines if line.title == title)

    def _minor(self, text: str) -> int:
        return money.to_minor(text, self.terms.currency)


def parse_example(row: Row, order_id: int = BIG, on_day: int = 0) -> Example:
    """Return the order and terms that the cells of a row describe; cells that are not there say nothing."""
    words = [] if row.get("terms", NOTHING) == NOTHING else row["terms"].split(", ")
    currency = next((word[3:] for word in words if word.startswith("in ")), "USD")
    taxes_included = "tax included" in words
    goods_text, *marks = row["order"].split(", ")
    sold, lines = {}, []
    for number, text in enumerate(goods_text.split(" + ")):
        line, sold_minor = _parse_line(text, number, currency, taxes_included)
        sold[line.title] = sold_minor
        lines.append(line)
    goods = parse_goods(row.get("goods", NOTHING), tuple(lines))
    changes, payments = parse_marks(marks, currency)
    order = make_order(*goods.lines, order_id=order_id, taxes_included=taxes_included, placed_at=day(on_day), **changes)
    total_minor = sum(line.net_minor + line.tax_minor for line in lines)
    set_by_hand = row.get("set by hand", NOTHING)
    return Example(
        order=replace(order, total_minor=total_minor + order.shipping_minor + order.shipping_tax_minor),
        terms=_parse_all_terms(row, words, currency, {line.title: line.product_id for line in lines}),
        sold_minor=sold,
        details=Details(payments=payments, products=goods.products),
        ceilings=parse_ceilings(row.get("limits", NOTHING), currency),
        set_minor=None if set_by_hand == NOTHING else money.to_minor(set_by_hand, currency),
    )


def _parse_all_terms(row: Row, words: list[str], currency: str, products: Mapping[str, int | None]) -> Terms:
    return replace(
        parse_terms([word for word in words if word != "tax included"], products, currency),
        tiers=(Tier("Bronze", 0, parse_rate(row["rate"])),),
        rates=parse_rules(row.get("own rates", NOTHING), products),
        campaigns=parse_campaigns(row.get("campaign", NOTHING), products),
        precedence=Precedence(row.get("precedence", "highest").replace(" ", "_")),
    )


def _parse_line(text: str, number: int, currency: str, taxes_included: bool) -> tuple[OrderLine, int]:
    match = LINE.fullmatch(text)
    assert match, f"the page says {text!r}, which is no line"
    quantity = int(match["quantity"] or 1)
    price, less, tax = (money.to_minor(match[name] or "0", currency) for name in ("price", "less", "tax"))
    sold_minor = price * quantity - less
    line = OrderLine(
        line_id=BIG + number,
        title=match["name"],
        quantity=quantity,
        removed_quantity=0,
        net_minor=sold_minor - (tax if taxes_included else 0),
        tax_minor=tax,
        product_id=BIG + 1000 + number,
        is_gift_card=match["name"] == "Gift card",
        discount_minor=less,
    )
    return line, sold_minor


def _between(amount_minor: int, before: int, quantity: int, of_quantity: int) -> int:
    # What the next units are worth, as differences of a running share: Shopify's parts sum to the line, too.
    after = min(before + quantity, of_quantity)
    share = money.share_half_up
    return share(amount_minor, after, of_quantity) - share(amount_minor, min(before, of_quantity), of_quantity)
