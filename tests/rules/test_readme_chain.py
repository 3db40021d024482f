"""The table of the chain of entries in app/engine/README.md shows the very texts and digests."""

from hashlib import sha256

from app.engine.rules import postings
from app.engine.rules.chain import NO_DIGEST, Link, canonical_text, compute_digest
from app.engine.rules.postings import EntryKind

from .made import day
from .tables import tables_with

(CHAIN,) = tables_with("digested after the digest before it")
ENTRIES = [
    (EntryKind.ACCRUAL, "1", 0, postings.accrue(500)),
    (EntryKind.SETTLEMENT, "1", 0, postings.settle(500)),
    (EntryKind.CLAWBACK, "2", 4, postings.claw_back(200, 500)),
]


def test_the_texts_and_digests_are_those_of_the_rules() -> None:
    before = NO_DIGEST
    for row, (kind, version, on_day, moves) in zip(CHAIN, ENTRIES, strict=True):
        link = Link(
            shop_id=1,
            customer_id=7,
            position=int(row["position"]),
            key=f"{kind}:order:9001:{version}",
            kind=kind,
            currency="USD",
            occurred_at=day(on_day),
            recorded_at=day(on_day).replace(second=1),
            actor="system",
            postings=moves,
            reward_id=41,
        )
        text = row["digested after the digest before it"].strip("`").replace("¦", "|")
        assert text == canonical_text(link)
        assert compute_digest(before, link) == sha256(before + text.encode()).digest()
        before = compute_digest(before, link)
        assert before.hex()[:16] == row["digest"]
