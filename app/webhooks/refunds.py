"""A refund's body, from refunds/create or from inside an order, becomes a RefundFact.

Both arrivals of one refund must give equal facts, or the order in which they come would decide on money. So
nothing is read here that only one of them knows, such as whether the order's prices include tax.
"""

from collections.abc import Iterator

from app.engine.rules.facts import RefundFact, RefundLine
from app.engine.rules.money import share_half_up
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import LARGEST_AMOUNT_MINOR, Reader

NOTE_LIMIT = 1000


def parse_refund(body: Json, currency: str) -> RefundFact:
    """Return what a refunds/create body says, in minor units of the shop's money. Raises BodyError.

    ``currency`` is the shop's. It counts only where the body names none: old shapes may have nothing but lines.
    ``order_id`` comes as a bare number, and is taken so even when it has plainly been through a double.
    """
    refund = Reader(body)
    return read_refund(refund, _shop_currency(refund) or currency, refund.shopify_id("order_id"))


def read_refund(refund: Reader, currency: str, order_id: int) -> RefundFact:
    """Return what a refund's object says, in minor units of ``currency``. Raises BodyError."""
    lines = tuple(_line(line, currency) for line in refund.objects("refund_line_items"))
    money_minor, shipping_minor = _money(refund, currency), _shipping(refund, currency)
    goods_minor = sum(line.subtotal_minor + line.tax_minor for line in lines)
    if max(goods_minor, money_minor, shipping_minor) > LARGEST_AMOUNT_MINOR:
        raise BodyError(say("The refund adds up to more than the books can hold."))
    return RefundFact(
        refund_id=refund.shopify_id(),
        order_id=order_id,
        processed_at=refund.instant("processed_at", "created_at"),
        lines=lines,
        money_minor=money_minor,
        shipping_minor=shipping_minor,
        note=refund.text("note", NOTE_LIMIT),
    )


def _line(line: Reader, currency: str) -> RefundLine:
    line_id = line.shopify_id("line_item_id")
    # The order's line inside may carry the global id, and with it the digits a double lost.
    inside = line.object("line_item")
    if inside is not None and inside.optional_id("id") == line_id:
        line_id = inside.shopify_id()
    quantity = line.quantity("quantity")
    # Goods of unknown worth would make all of the money look like a goodwill payment on top of them.
    subtotal_minor = line.minor("subtotal", currency) if quantity else line.optional_minor("subtotal", currency)
    return RefundLine(
        line_id=line_id,
        quantity=quantity,
        subtotal_minor=max(0, subtotal_minor),
        tax_minor=max(0, line.optional_minor("total_tax", currency)),
    )


def _money(refund: Reader, currency: str) -> int:
    """Return the money that moved: the sum of the successful refund transactions."""
    own = foreign = 0
    foreign_currency = None
    for transaction in refund.objects("transactions"):
        if transaction.data.get("kind") != "refund" or transaction.data.get("status") != "success":
            continue
        paid_in = transaction.currency("currency") if transaction.has("currency") else currency
        if paid_in == currency or transaction.money_of("amount", "shop_money") is not None:
            own += transaction.minor("amount", currency)
        else:
            foreign += transaction.amount_in(paid_in)
            foreign_currency = paid_in
    if foreign_currency is not None:
        own += _converted(refund, currency, foreign, foreign_currency)
    return max(0, own)


def _converted(refund: Reader, currency: str, foreign_minor: int, foreign_currency: str) -> int:
    """Return a payment in the customer's currency in the shop's.

    Its worth is what the refund's own amounts add up to, as far as the rate in those amounts agrees: whether tax
    is inside or beside the lines cannot be seen here, so the sum nearest to the converted payment is taken.
    """
    subtotals = taxes = 0
    for line in refund.objects("refund_line_items"):
        subtotals += line.optional_minor("subtotal", currency)
        taxes += line.optional_minor("total_tax", currency)
    adjustments = sum(
        part.minor("amount", currency) + part.optional_minor("tax_amount", currency)
        for part in refund.objects("order_adjustments")
    )
    sums = [subtotals + taxes - adjustments, subtotals - adjustments]
    if all(part.data.get("kind") != "shipping_refund" for part in refund.objects("order_adjustments")):
        # Since 2024-10 shipping is no adjustment any more and has to be added.
        sums += [known + _shipping(refund, currency) for known in sums]
    rate = _rate(refund, currency, foreign_currency)
    if rate is None:
        return sums[0]
    converted = share_half_up(foreign_minor, *rate)
    nearest = min(sums, key=lambda known: abs(known - converted))
    # A rate taken from rounded amounts is no better than they are.
    return nearest if abs(nearest - converted) <= 1 + abs(converted) // 200 else converted


def _rate(refund: Reader, currency: str, foreign_currency: str) -> tuple[int, int] | None:
    """Return shop money and presentment money of the refund's largest amount: the rate, as a fraction."""
    pairs = [
        (shop.amount_in(currency), presentment.amount_in(foreign_currency))
        for shop, presentment in _pairs(refund)
        if presentment.data.get("currency_code") == foreign_currency
    ]
    shop_minor, presentment_minor = max(pairs, key=lambda pair: abs(pair[1]), default=(0, 0))
    return (abs(shop_minor), abs(presentment_minor)) if shop_minor and presentment_minor else None


def _shipping(refund: Reader, currency: str) -> int:
    """Return the part of the money that was for shipping, its tax included.

    It is said in one of two places, in bodies between the old and the new shape in both; only one of them may
    have the tax.
    """
    shipped = sum(
        line.optional_minor("subtotal_amount", currency) + line.optional_minor("tax_amount", currency)
        for line in refund.objects("refund_shipping_lines")
    )
    adjusted = -sum(
        part.minor("amount", currency) + part.optional_minor("tax_amount", currency)
        for part in refund.objects("order_adjustments")
        if part.data.get("kind") == "shipping_refund"
    )
    return max(0, shipped, adjusted)


def _shop_currency(refund: Reader) -> str | None:
    """Return the currency of the refund's shop money, or of its transactions where there is none."""
    for shop, _ in _pairs(refund):
        if shop.has("currency_code"):
            return shop.currency("currency_code")
    named = {
        transaction.currency("currency")
        for transaction in refund.objects("transactions")
        if transaction.has("currency")
    }
    return named.pop() if len(named) == 1 else None


def _pairs(refund: Reader) -> Iterator[tuple[Reader, Reader]]:
    """Return every amount of the refund that is given in both moneys."""
    places = [
        *((line, name) for line in refund.objects("refund_line_items") for name in ("subtotal", "total_tax")),
        *((line, "subtotal_amount") for line in refund.objects("refund_shipping_lines")),
        *((part, "amount") for part in refund.objects("order_adjustments")),
        *((refund, name) for name in ("total_duties", "total_additional_fees")),
    ]
    for place, name in places:
        shop, presentment = place.money_of(name, "shop_money"), place.money_of(name, "presentment_money")
        if shop is not None:
            yield shop, presentment or shop
