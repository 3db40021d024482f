"""How many orders the rules decide per second in one process. Prints one JSON line for each measurement.

Measured is what an arriving order costs in rules: its target with the whole explanation, and whether it is held.
The baseline, taken in the same run on the same orders, is the least arithmetic that gives the same amount: no
exclusion, no explanation, one rate.
"""

import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.engine.rules.facts import (
    CustomerFact,
    Details,
    FinancialStatus,
    OrderFact,
    OrderLine,
    ProductFact,
    RefundFact,
    RefundLine,
)
from app.engine.rules.holds import decide_hold
from app.engine.rules.money import share_half_up
from app.engine.rules.reward import compute_target
from app.engine.rules.terms import Campaign, RateRule, Scope, Terms, Tier

ORDERS = 2_000
RUNS = 7
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TIERS = (Tier("Bronze", 0, 200), Tier("Silver", 50_000, 400), Tier("Gold", 150_000, 600))
TERMS = Terms(
    version=1,
    currency="USD",
    tiers=TIERS,
    minimum_order_minor=1_000,
    cap_per_order_minor=5_000,
    hold_above_minor=100_000,
    excluded_product_ids=frozenset({90, 91}),
    excluded_vendors=frozenset({"Outlet"}),
    excluded_product_tags=frozenset({"no-cashback"}),
    excluded_tags=frozenset({"wholesale", "staff"}),
    excluded_channels=frozenset({"pos"}),
    rates=(
        RateRule("Kitchen", 500, Scope(product_types=frozenset({"kitchen"}))),
        RateRule("Picked", 800, Scope(product_ids=frozenset({7, 8}))),
    ),
    campaigns=(
        Campaign(
            "Spring",
            START - timedelta(days=30),
            START + timedelta(days=30),
            multiplier_bps=20_000,
            scope=Scope(collection_ids=frozenset({3})),
        ),
    ),
)
PLAIN = Terms(version=1, currency="USD", tiers=TIERS)

Work = Sequence[tuple[OrderFact, Sequence[RefundFact], Details, Tier]]


def main() -> None:
    """Measure each case several times and print the median of each."""
    fresh, refunded = draw(0), draw(1)
    warm_up(fresh)
    # The made-up orders are not part of the work: the garbage collector need not look at them again and again.
    gc.collect()
    gc.freeze()
    cases: list[tuple[str, Callable[[Work], None], Work]] = [
        ("baseline: minimal arithmetic", multiply_only, fresh),
        ("5 lines, plain terms", decide_plain, fresh),
        ("5 lines, 3 tiers, exclusions, 2 rates, 1 campaign", decide, fresh),
        ("the same with a refund", decide, refunded),
    ]
    for name, run, work in cases:
        rates = sorted(round(len(work) / seconds(run, work)) for _ in range(RUNS))
        line = {"bench": "rules", "case": name, "orders": len(work), "runs": RUNS}
        print(json.dumps({**line, "orders_per_s": statistics.median(rates), "least": rates[0], "most": rates[-1]}))


def decide(work: Work) -> None:
    """Decide each order as an arriving one is."""
    for order, refunds, details, tier in work:
        target = compute_target(order, refunds, TERMS, tier, details=details)
        decide_hold(order, TERMS, target, details=details)


def decide_plain(work: Work) -> None:
    """Decide each order under terms that have a tier table and nothing else."""
    for order, refunds, details, tier in work:
        target = compute_target(order, refunds, PLAIN, tier, details=details)
        decide_hold(order, PLAIN, target, details=details)


def multiply_only(work: Work) -> None:
    """Do only what no programme can leave out: add the lines up, multiply, round."""
    for order, _, _, tier in work:
        share_half_up(sum(line.net_minor for line in order.lines), tier.rate_bps, 10_000)


def seconds(run: Callable[[Work], None], work: Work) -> float:
    """Return how much of the processor's time one run takes: others on a busy machine do not lengthen it."""
    started = time.process_time()
    run(work)
    return time.process_time() - started


def warm_up(work: Work) -> None:
    """Let what is prepared once per terms be prepared, and the interpreter specialise."""
    decide(work[:200])
    decide_plain(work[:200])


def draw(refunds: int) -> Work:
    """Return made-up orders of five lines, each with so many refunds of one unit; the same ones every time."""
    chance = random.Random(20_260_301)
    return [_draw_one(chance, number, refunds) for number in range(ORDERS)]


def _draw_one(
    chance: random.Random, number: int, refunds: int
) -> tuple[OrderFact, Sequence[RefundFact], Details, Tier]:
    lines = []
    for position in range(5):
        quantity, price = chance.randint(1, 3), chance.randint(500, 15_000)
        lines.append(
            OrderLine(
                line_id=number * 10 + position,
                title=f"Thing {position}",
                quantity=quantity,
                removed_quantity=0,
                net_minor=quantity * price,
                tax_minor=quantity * price // 5,
                product_id=chance.randint(1, 100),
                variant_id=chance.randint(1, 300),
                vendor="Outlet" if chance.random() < 0.05 else chance.choice(["Acme", "Northern"]),
                is_gift_card=chance.random() < 0.02,
            )
        )
    products = {line.product_id: _draw_product(chance, line.product_id) for line in lines if line.product_id}
    order = OrderFact(
        order_id=number,
        name=f"#{number}",
        currency="USD",
        financial_status=FinancialStatus.PAID,
        is_test=False,
        placed_at=START + timedelta(minutes=number),
        updated_at=START + timedelta(minutes=number),
        cancelled_at=None,
        customer=CustomerFact(number, "ada@example.com", tags=("vip",)),
        lines=tuple(lines),
        tags=("web",),
        total_minor=sum(line.net_minor + line.tax_minor for line in lines),
        source_name="web",
        payment_gateways=("shopify_payments",),
    )
    first = lines[0]
    unit_minor = first.net_minor // first.quantity
    back = [RefundFact(number, number, START, (RefundLine(first.line_id, 1, unit_minor),), unit_minor)] * refunds
    return order, back, Details(products=products), chance.choice(TIERS)


def _draw_product(chance: random.Random, product_id: int) -> ProductFact:
    return ProductFact(
        product_id,
        product_type=chance.choice(["kitchen", "garden", "paper"]),
        tags=("new", "no-cashback" if chance.random() < 0.05 else "gift"),
        collection_ids=tuple(chance.sample(range(1, 8), 2)),
    )


if __name__ == "__main__":
    main()
