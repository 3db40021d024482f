"""The terms of a programme: tiers, exclusions, limits and holds in one numbered version, never edited."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Whether paid orders settle by themselves or wait for a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class OwedPolicy(StrEnum):
    """What becomes of a clawback that the balance does not cover."""

    OFFSET = "offset"


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of the tier table: reached at ``threshold_minor`` of net spend (≥), earns ``rate_bps``."""

    name: str
    threshold_minor: int
    rate_bps: int


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of the terms. Amounts in minor units of ``currency``; None means "no such limit"."""

    version: int
    currency: str
    tiers: tuple[Tier, ...]
    minimum_order_minor: int = 0
    cap_per_order_minor: int | None = None
    #: Orders whose eligible amount is above this are held for a look, also in automatic mode.
    hold_above_minor: int | None = None
    excluded_product_ids: frozenset[int] = frozenset()
    #: Compared without case. An order tag or customer tag on this list excludes the whole order.
    excluded_tags: frozenset[str] = frozenset()
