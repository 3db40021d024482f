"""The states of a reward and of a transfer, their legal moves, and the badge a person sees."""

from enum import StrEnum


class RewardState(StrEnum):
    """Where a reward stands. See ``MOVES`` for what may follow what."""

    AWAITING_CUSTOMER = "awaiting_customer"
    IN_REVIEW = "in_review"
    HELD = "held"
    PENDING = "pending"
    SETTLED = "settled"
    REVERSED = "reversed"
    VOIDED = "voided"
    REJECTED = "rejected"
    INELIGIBLE = "ineligible"


S = RewardState

#: Every legal move. A state may always stay what it is.
MOVES: dict[RewardState, frozenset[RewardState]] = {
    S.AWAITING_CUSTOMER: frozenset({S.IN_REVIEW, S.HELD, S.PENDING, S.VOIDED, S.REJECTED, S.INELIGIBLE}),
    S.IN_REVIEW: frozenset({S.PENDING, S.HELD, S.VOIDED, S.REJECTED, S.INELIGIBLE}),
    S.HELD: frozenset({S.IN_REVIEW, S.PENDING, S.VOIDED, S.REJECTED, S.INELIGIBLE}),
    S.PENDING: frozenset({S.SETTLED, S.HELD, S.IN_REVIEW, S.VOIDED, S.REJECTED, S.INELIGIBLE}),
    # Settled credit that is taken back whole is reversed; more of the order being kept again (an edit, a
    # dispute won) settles it again.
    S.SETTLED: frozenset({S.REVERSED}),
    # Anew: the order turned out to be another customer's.
    S.REVERSED: frozenset({S.SETTLED, S.IN_REVIEW, S.HELD, S.PENDING}),
    # The order came back (an edit added lines): decided anew.
    S.VOIDED: frozenset({S.IN_REVIEW, S.HELD, S.PENDING, S.AWAITING_CUSTOMER, S.INELIGIBLE}),
    S.REJECTED: frozenset({S.IN_REVIEW}),
    S.INELIGIBLE: frozenset({S.AWAITING_CUSTOMER, S.IN_REVIEW, S.HELD, S.PENDING, S.VOIDED}),
}

#: States in which the books carry the reward as pending.
BOOKED_PENDING = frozenset({S.IN_REVIEW, S.HELD, S.PENDING})
#: States in which the credit is (or was) the customer's.
BOOKED_SETTLED = frozenset({S.SETTLED, S.REVERSED})
#: States a person decides about.
DECIDABLE = frozenset({S.IN_REVIEW, S.HELD})


class VoidReason(StrEnum):
    """Why a reward that never settled is void, where it is not that the order went away."""

    #: No account turned up within the claim window.
    UNCLAIMED = "unclaimed"
    #: The customer was deleted in Shopify before the credit was made.
    CUSTOMER_DELETED = "customer_deleted"


class TransferState(StrEnum):
    """Where a credit or debit in Shopify stands."""

    PLANNED = "planned"
    SENDING = "sending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class TransferKind(StrEnum):
    """Credit puts money on the customer's store-credit account, debit takes it off."""

    CREDIT = "credit"
    DEBIT = "debit"


class Badge(StrEnum):
    """The one word staff sees on an order."""

    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    HELD = "Held"
    PROCESSED = "Processed"
    SENDING = "Sending"
    FAILED = "Failed"
    PARTLY_REVERSED = "Partly reversed"
    REVERSED = "Reversed"
    REJECTED = "Rejected"
    NOT_ELIGIBLE = "Not eligible"
    AWAITING_ACCOUNT = "Awaiting account"


class IllegalMove(Exception):
    """A state was asked to become one it may not become."""

    def __init__(self, before: RewardState, after: RewardState) -> None:
        super().__init__(f"A reward that is {before} cannot become {after}.")
        self.before = before
        self.after = after


def check_move(before: RewardState, after: RewardState) -> RewardState:
    """Return ``after`` if the move is legal; raise IllegalMove otherwise."""
    if after != before and after not in MOVES[before]:
        raise IllegalMove(before, after)
    return after


def compute_badge(state: RewardState, reversed_minor: int, transfers: tuple[TransferState, ...]) -> Badge:
    """Return the badge of a reward from its state, what was taken back, and the states of its transfers."""
    match state:
        case S.IN_REVIEW:
            return Badge.PENDING
        case S.HELD:
            return Badge.HELD
        case S.PENDING:
            return Badge.SCHEDULED
        case S.REJECTED:
            return Badge.REJECTED
        case S.AWAITING_CUSTOMER:
            return Badge.AWAITING_ACCOUNT
        case S.INELIGIBLE:
            return Badge.NOT_ELIGIBLE
        case S.VOIDED:
            return Badge.REVERSED
        case _:
            return _settled_badge(state, reversed_minor, transfers)


def _settled_badge(state: RewardState, reversed_minor: int, transfers: tuple[TransferState, ...]) -> Badge:
    if TransferState.REFUSED in transfers or TransferState.UNKNOWN in transfers:
        return Badge.FAILED
    if TransferState.PLANNED in transfers or TransferState.SENDING in transfers:
        return Badge.SENDING
    if state is S.REVERSED:
        return Badge.REVERSED
    return Badge.PARTLY_REVERSED if reversed_minor else Badge.PROCESSED
