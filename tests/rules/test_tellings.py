"""What is said of a reward: the table of app/engine/README.md, and that whatever is said comes to what is true."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules import money
from app.engine.rules.letters import TakenBack
from app.engine.rules.messages import Saying
from app.engine.rules.states import RewardState, VoidReason
from app.engine.rules.tellings import RewardNow, Told, decide_news, find_why, told_from_json

from .table_cells import NOTHING
from .tables import Row, tables_with

(TABLE,) = tables_with("told before", "now", "said")
S = RewardState
OPEN = (S.IN_REVIEW, S.HELD, S.PENDING, S.SETTLED)
NOW = re.compile(
    r"(?P<kept>[\d.]+) (?P<state>[a-z' ]+?)(?:, (?P<credited>[\d.]+) credited)?(?:, (?P<off>[\d.]+) set off)?"
)
KNOWN = re.compile(r"(?:, )?(?P<known>[\d.]+) known")


def minor(text: str | None) -> int:
    return money.to_minor(text or "0", "USD")


def parse_told(text: str) -> Told | None:
    """Read "3.00 earned" and "3.00 earned, 2.00 credited", "3.00 claimable", or nothing; what is known was not told."""
    told = KNOWN.sub("", text)
    if told in (NOTHING, ""):
        return None
    announced, _, credited = told.partition(", ")
    amount, word = announced.split()
    credited_minor = minor(credited.split()[0]) if credited else 0
    return Told(minor(amount), credited_minor, Saying.CREDITED if credited else Saying(word))


def parse_now(text: str, before: str = "") -> RewardNow:
    """Read "2.00 settled, 2.00 credited", "3.00 awaiting customer" or "0.00 unclaimed", and "3.00 known" before."""
    known = KNOWN.search(before)
    found = NOW.fullmatch(text)
    assert found, f"the page says {text!r}, which nobody understands"
    word = found["state"].replace(" ", "_")
    is_unclaimed, has_left = word == "unclaimed", word == "another's"
    state = S.VOIDED if is_unclaimed else S.SETTLED if has_left else S(word)
    return RewardNow(
        state=state,
        granted_minor=minor(found["kept"]),
        moved_minor=minor(found["credited"]),
        set_off_minor=minor(found["off"]),
        known_minor=minor(known["known"] if known else None),
        is_guest=state is S.AWAITING_CUSTOMER or is_unclaimed,
        has_left=has_left,
        void_reason=VoidReason.UNCLAIMED if is_unclaimed else None,
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["what happened"])
def test_the_page_says_what_is_said(row: Row) -> None:
    decision = decide_news(parse_now(row["now"], row["told before"]), parse_told(row["told before"]))
    said = [
        f"{saying} {money.format(money.Money(amount, 'USD')).removesuffix(' USD')}" for saying, amount in decision.news
    ]
    assert ", ".join(said) == row["said"].replace(NOTHING, "")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["what happened"])
def test_said_again_there_is_nothing_to_say(row: Row) -> None:
    now = parse_now(row["now"], row["told before"])
    told = decide_news(now, parse_told(row["told before"])).told
    assert decide_news(now, told).news == ()
    assert told is None or told_from_json(told.to_json()) == told


# What may become of a reward between two digests, and what the customer believes who reads all of them.

AMOUNTS = st.integers(0, 500)
MOMENTS = st.builds(
    RewardNow,
    state=st.sampled_from([*OPEN, S.REVERSED, S.VOIDED, S.REJECTED, S.INELIGIBLE]),
    granted_minor=AMOUNTS,
    moved_minor=st.integers(-100, 700),
)
LIVES = st.lists(MOMENTS, min_size=1, max_size=8)


class Reader:
    """Somebody who believes what they read: what is theirs or will be, and what of that they have."""

    def __init__(self) -> None:
        self.has_minor = 0
        self.awaits_minor = 0

    def read(self, saying: Saying, amount_minor: int) -> None:
        assert amount_minor > 0
        if saying is Saying.EARNED:
            self.awaits_minor += amount_minor
        elif saying is Saying.CREDITED:
            self.awaits_minor = max(self.awaits_minor - amount_minor, 0)
            self.has_minor += amount_minor
        else:
            assert saying is Saying.REVERSED
            awaited_minor = min(amount_minor, self.awaits_minor)
            self.awaits_minor -= awaited_minor
            self.has_minor -= amount_minor - awaited_minor

    @property
    def believes_minor(self) -> int:
        return self.has_minor + self.awaits_minor


@given(LIVES)
def test_whoever_reads_every_digest_believes_what_is_kept(life: list[RewardNow]) -> None:
    reader, told = Reader(), None
    for now in life:
        decision = decide_news(now, told)
        for saying, amount in decision.news:
            reader.read(saying, amount)
        told = decision.told
        assert reader.believes_minor == now.kept_minor
        assert reader.has_minor >= 0
        assert decide_news(now, told).news == ()


@given(LIVES, st.data())
def test_however_few_digests_there_are_the_last_one_leaves_the_same_belief(
    life: list[RewardNow], data: st.DataObject
) -> None:
    told_at = [*(number for number in range(len(life) - 1) if data.draw(st.booleans())), len(life) - 1]
    reader, told = Reader(), None
    for number in told_at:
        decision = decide_news(life[number], told)
        for saying, amount in decision.news:
            reader.read(saying, amount)
        told = decision.told
    assert reader.believes_minor == life[-1].kept_minor


@given(LIVES)
def test_one_digest_never_announces_and_credits_the_same_cents(life: list[RewardNow]) -> None:
    told = None
    for now in life:
        decision = decide_news(now, told)
        said = dict(decision.news)
        assert len(said) == len(decision.news), "each thing is said once"
        before = told.announced_minor if told else 0
        announced = said.get(Saying.EARNED, 0) - said.get(Saying.REVERSED, 0)
        # What is credited without having been announced is announced by that.
        unannounced = max(now.credited_minor - min(before, now.kept_minor), 0) if Saying.CREDITED in said else 0
        assert before + announced + unannounced == now.kept_minor
        told = decision.told


@given(LIVES, st.sets(st.sampled_from([Saying.EARNED, Saying.CREDITED, Saying.REVERSED])))
def test_what_nobody_wants_to_hear_is_not_said_and_nothing_rests_on_it(
    life: list[RewardNow], unwanted: set[Saying]
) -> None:
    reader, told = Reader(), None
    for now in life:
        decision = decide_news(now, told, unwanted)
        assert unwanted.isdisjoint(saying for saying, _ in decision.news)
        assert set(decision.unwanted) <= unwanted
        for saying, amount in decision.news:
            reader.read(saying, amount)
        told = decision.told
        assert reader.believes_minor == (told.announced_minor if told else 0)
        assert decide_news(now, told, unwanted).news == ()


def test_who_wanted_to_hear_of_credits_only_hears_of_the_credit_as_such() -> None:
    first = decide_news(RewardNow(S.PENDING, 300), None, {Saying.EARNED})
    assert (first.news, first.unwanted, first.told) == ((), (Saying.EARNED,), None)
    then = decide_news(RewardNow(S.SETTLED, 300, moved_minor=300), first.told, {Saying.EARNED})
    assert then.news == ((Saying.CREDITED, 300),)


def test_who_wants_to_hear_nothing_of_credits_hears_that_it_is_earned() -> None:
    credited = RewardNow(S.SETTLED, 300, moved_minor=300)
    decision = decide_news(credited, None, {Saying.CREDITED})
    assert (decision.news, decision.unwanted) == (((Saying.EARNED, 300),), (Saying.CREDITED,))
    assert decide_news(credited, decision.told, {Saying.CREDITED}).news == ()


def test_what_went_back_and_nobody_was_told_had_come_is_not_said_to_have_gone() -> None:
    reversed_ = RewardNow(S.SETTLED, 200, moved_minor=300)
    assert decide_news(replace(reversed_, granted_minor=0), None).news == ()
    assert decide_news(reversed_, None).news == ((Saying.CREDITED, 200),)


@pytest.mark.parametrize(
    ("state", "marks", "why"),
    [
        (S.REJECTED, {"is_refunded": True}, TakenBack.NOT_GRANTED),
        (S.INELIGIBLE, {}, TakenBack.NOT_GRANTED),
        (S.VOIDED, {"is_cancelled": True, "is_refunded": True}, TakenBack.CANCELLED),
        (S.SETTLED, {"is_refunded": True, "is_adjusted": True}, TakenBack.REFUND),
        (S.PENDING, {"is_adjusted": True}, TakenBack.BY_HAND),
        (S.PENDING, {}, TakenBack.NOT_GRANTED),
    ],
)
def test_the_reason_is_the_one_that_the_customer_knows_of(
    state: RewardState, marks: dict[str, bool], why: TakenBack
) -> None:
    told = {"is_cancelled": False, "is_refunded": False, "is_adjusted": False, **marks}
    assert find_why(state, **told) is why


def test_what_settles_an_old_debt_is_not_promised_and_says_so_to_whom_it_was() -> None:
    pending = RewardNow(S.PENDING, 300)
    part = RewardNow(S.SETTLED, 300, moved_minor=200, set_off_minor=100)
    whole = RewardNow(S.SETTLED, 300, set_off_minor=300)
    assert decide_news(part, None).news == ((Saying.CREDITED, 200),)
    assert decide_news(whole, None).news == ()
    told = decide_news(pending, None).told
    assert decide_news(part, told).news == ((Saying.REVERSED, 100), (Saying.CREDITED, 200))
    assert decide_news(whole, told).news == ((Saying.REVERSED, 300),)
    assert [now.why_less(told) for now in (part, whole)] == [TakenBack.SET_OFF] * 2
    # Sent back after that: less is kept than was set off, and nobody is told of it twice.
    gone = replace(whole, granted_minor=0, taken_back=TakenBack.REFUND)
    assert decide_news(gone, decide_news(whole, told).told).news == ()
    assert gone.why_less(told) is TakenBack.REFUND
    assert pending.why_less(None) is TakenBack.NOT_GRANTED


@pytest.mark.parametrize("is_told", [True, False])
def test_what_goes_back_of_a_credit_was_not_set_off_though_a_part_of_it_never_came(is_told: bool) -> None:
    credited = RewardNow(S.SETTLED, 300, moved_minor=200, set_off_minor=100)
    told = decide_news(credited, None).told if is_told else None
    less = replace(credited, granted_minor=200, known_minor=200, taken_back=TakenBack.REFUND)
    assert decide_news(less, told).news == ((Saying.REVERSED, 100),)
    assert less.why_less(told) is TakenBack.REFUND


@given(LIVES, st.integers(0, 4))
def test_who_reads_from_the_middle_on_believes_what_is_kept_if_they_knew_what_they_had(
    life: list[RewardNow], switched_on: int
) -> None:
    """The shop tells nobody of the first moments; what was credited by then is there to be seen."""
    had = life[min(switched_on, len(life)) - 1].credited_minor if switched_on else 0
    reader, told = Reader(), None
    reader.has_minor = had
    for now in (replace(now, known_minor=had) for now in life[switched_on:]):
        decision = decide_news(now, told)
        for saying, amount in decision.news:
            reader.read(saying, amount)
        told = decision.told
        assert reader.believes_minor == now.kept_minor
        assert decide_news(now, told).news == ()
