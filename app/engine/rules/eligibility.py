"""What does not earn, and why: lines of an order, and whole orders."""

from collections.abc import Iterable
from enum import StrEnum

from app.engine.rules.facts import FinancialStatus, OrderFact, OrderLine, ProductFact
from app.engine.rules.once import OncePerTerms
from app.engine.rules.scopes import Dimension, Goods, plain, plain_set
from app.engine.rules.terms import Scope, Terms


class ExclusionReason(StrEnum):
    """Why a line does not earn."""

    GIFT_CARD = "gift_card"
    EXCLUDED_PRODUCT = "excluded_product"
    EXCLUDED_VARIANT = "excluded_variant"
    EXCLUDED_SKU = "excluded_sku"
    EXCLUDED_VENDOR = "excluded_vendor"
    EXCLUDED_PRODUCT_TYPE = "excluded_product_type"
    EXCLUDED_PRODUCT_TAG = "excluded_product_tag"
    EXCLUDED_COLLECTION = "excluded_collection"
    ON_SALE = "on_sale"


class IneligibleReason(StrEnum):
    """Why an order earns nothing. Those up to ``B2B`` are decided before any line is looked at."""

    BEFORE_PROGRAMME = "before_programme"
    TEST_ORDER = "test_order"
    VOIDED = "voided"
    UNPAID = "unpaid"
    OTHER_CURRENCY = "other_currency"
    EXCLUDED_ORDER_TAG = "excluded_order_tag"
    EXCLUDED_CUSTOMER_TAG = "excluded_customer_tag"
    EXCLUDED_CHANNEL = "excluded_channel"
    EXCLUDED_DISCOUNT_CODE = "excluded_discount_code"
    B2B = "b2b"
    PAID_WITH_CREDIT = "paid_with_credit"
    NO_ELIGIBLE_LINES = "no_eligible_lines"
    BELOW_MINIMUM = "below_minimum"
    NO_RATE = "no_rate"
    ROUNDS_TO_ZERO = "rounds_to_zero"
    LIMIT_REACHED = "limit_reached"
    CUSTOMER_OWES = "customer_owes"


_REASONS = {
    Dimension.PRODUCT: ExclusionReason.EXCLUDED_PRODUCT,
    Dimension.VARIANT: ExclusionReason.EXCLUDED_VARIANT,
    Dimension.SKU: ExclusionReason.EXCLUDED_SKU,
    Dimension.VENDOR: ExclusionReason.EXCLUDED_VENDOR,
    Dimension.PRODUCT_TYPE: ExclusionReason.EXCLUDED_PRODUCT_TYPE,
    Dimension.PRODUCT_TAG: ExclusionReason.EXCLUDED_PRODUCT_TAG,
    Dimension.COLLECTION: ExclusionReason.EXCLUDED_COLLECTION,
}


def decide_order_exclusion(order: OrderFact, terms: Terms) -> IneligibleReason | None:
    """Return why a whole order does not earn whatever its lines are, or None when its lines decide."""
    if order.is_test:
        return IneligibleReason.TEST_ORDER
    if order.financial_status in _NEVER_TO_BE_PAID:
        return IneligibleReason.VOIDED
    if not order.financial_status.was_paid:
        return IneligibleReason.UNPAID
    if order.currency != terms.currency:
        return IneligibleReason.OTHER_CURRENCY
    excluded = exclusions_of(terms)
    if excluded.tags and _any_in(order.tags, excluded.tags):
        return IneligibleReason.EXCLUDED_ORDER_TAG
    if excluded.tags and order.customer is not None and _any_in(order.customer.tags or (), excluded.tags):
        return IneligibleReason.EXCLUDED_CUSTOMER_TAG
    if excluded.channels and order.source_name is not None and plain(order.source_name) in excluded.channels:
        return IneligibleReason.EXCLUDED_CHANNEL
    if excluded.codes and _any_in(order.discount_codes, excluded.codes):
        return IneligibleReason.EXCLUDED_DISCOUNT_CODE
    if order.is_b2b and terms.excludes_b2b:
        return IneligibleReason.B2B
    return None


_NEVER_TO_BE_PAID = (FinancialStatus.VOIDED, FinancialStatus.EXPIRED)


class Exclusions:
    """What terms exclude, made ready for comparing."""

    __slots__ = ("_goods", "_on_sale", "channels", "codes", "tags")

    def __init__(self, terms: Terms) -> None:
        self.tags = plain_set(terms.excluded_tags)
        self.channels = plain_set(terms.excluded_channels)
        self.codes = plain_set(terms.excluded_discount_codes)
        self._on_sale = terms.excludes_on_sale
        scope = Scope(
            product_ids=terms.excluded_product_ids,
            variant_ids=terms.excluded_variant_ids,
            collection_ids=terms.excluded_collection_ids,
            vendors=terms.excluded_vendors,
            product_types=terms.excluded_product_types,
            product_tags=terms.excluded_product_tags,
            skus=terms.excluded_skus,
        )
        # A scope that names nothing would be everything; an exclusion that names nothing excludes nothing.
        self._goods = None if scope.is_everything else Goods(scope)

    def decide_line(self, line: OrderLine, product: ProductFact | None) -> ExclusionReason | None:
        """Return why a line does not earn, or None when it does.

        ``product`` is what the catalogue says of the line's product. Without it, exclusions by collection, type
        or tag and of what is on sale cannot fit.
        """
        if line.is_gift_card:
            return ExclusionReason.GIFT_CARD
        dimension = None if self._goods is None else self._goods.find_fit(line, product)
        if dimension is not None:
            return _REASONS[dimension]
        if self._on_sale and product is not None and line.variant_id in product.on_sale_variant_ids:
            return ExclusionReason.ON_SALE
        return None


exclusions_of = OncePerTerms(Exclusions)


def _any_in(texts: Iterable[str], plain_texts: frozenset[str]) -> bool:
    return not plain_texts.isdisjoint(map(plain, texts))
