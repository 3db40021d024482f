"""An order's life, told step by step in any way: whatever happens, the books it aims at stay whole."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.engine.rules.facts import DisputeFact, DisputeStatus, RefundFact
from app.engine.rules.kept import kept_quantities
from app.engine.rules.reward import Target
from app.engine.rules.steps_rates import LineShare

from .drawn import Case, return_units, untouched_cases
from .made import day


class OrdersLife(RuleBasedStateMachine):
    """Refunds of all kinds, edits, a dispute and a cancellation come to one order; the books follow each target."""

    @initialize(case=untouched_cases(edited=False))
    def order(self, case: Case) -> None:
        self.case = case
        #: What the books hold: the differences posted so far, as the flows post them.
        self.granted = self.case.target().granted_minor
        self.posted_back = 0
        self._follow()

    @rule(data=st.data(), goodwill=st.sampled_from([0, 0, 1, 499]), shipping=st.sampled_from([0, 100, 595]))
    def units_go_back(self, data: st.DataObject, goodwill: int, shipping: int) -> None:
        left = kept_quantities(self.case.order, self.case.refunds)
        units = {line_id: data.draw(st.integers(0, kept)) for line_id, kept in left.items()}
        self._refund(return_units(self.case.order, self._next_number(), units, goodwill, shipping))

    @rule(money=st.sampled_from([1, 333, 5_000]), shipping=st.sampled_from([0, 1, 300]))
    def money_goes_back(self, money: int, shipping: int) -> None:
        self._refund(return_units(self.case.order, self._next_number(), self._no_units(), money, shipping))

    @precondition(lambda self: self.case.refunds)
    @rule(data=st.data())
    def a_refund_is_told_again(self, data: st.DataObject) -> None:
        before = self.case.target()
        self.case = replace(self.case, refunds=(*self.case.refunds, data.draw(st.sampled_from(self.case.refunds))))
        assert self.case.target() == before

    @rule(data=st.data())
    def units_are_taken_out(self, data: st.DataObject) -> None:
        lines = list(self.case.order.lines)
        index = data.draw(st.integers(0, len(lines) - 1))
        left = kept_quantities(self.case.order, self.case.refunds)[lines[index].line_id]
        removed = lines[index].removed_quantity + data.draw(st.integers(0, left))
        lines[index] = replace(lines[index], removed_quantity=removed)
        self.case = replace(self.case, order=replace(self.case.order, lines=tuple(lines)))
        self._follow()

    @rule(status=st.sampled_from(DisputeStatus))
    def a_dispute_moves(self, status: DisputeStatus) -> None:
        dispute = DisputeFact(1, self.case.order.order_id, status, day(2))
        self.case = replace(self.case, details=replace(self.case.details, disputes=(dispute,)))
        untold = replace(self.case, details=replace(self.case.details, disputes=()))
        assert self._follow().kept_minor == (0 if status.is_lost else untold.target().kept_minor)

    @rule()
    def it_is_cancelled(self) -> None:
        self.case = replace(self.case, order=replace(self.case.order, cancelled_at=day(4)))
        assert self._follow().kept_minor == 0

    @invariant()
    def what_is_posted_is_what_should_be_kept(self) -> None:
        target = self.case.target()
        assert 0 <= self.posted_back <= self.granted
        assert self.granted - self.posted_back == target.kept_minor
        assert target.granted_minor == self.granted
        assert (target.ineligible is None) == (target.granted_minor > 0)

    @invariant()
    def the_order_in_which_facts_came_does_not_matter(self) -> None:
        backwards = replace(self.case, refunds=self.case.refunds[::-1])
        assert backwards.target() == self.case.target() == self.case.target()

    @invariant()
    def the_parts_sum_to_the_whole(self) -> None:
        target = self.case.target()
        shares = [step.share_minor for step in target.steps if isinstance(step, LineShare)]
        assert not shares or sum(shares) == target.calculated_minor

    def teardown(self) -> None:
        """Give everything back that is left: nothing stays, and what went back is exactly what was granted."""
        left = kept_quantities(self.case.order, self.case.refunds)
        shipping = self.case.order.shipping_minor + self.case.order.shipping_tax_minor
        self._refund(return_units(self.case.order, self._next_number(), left, 0, shipping))
        assert self.case.target().kept_minor == 0
        assert self.posted_back == self.granted

    def _refund(self, refund: RefundFact) -> None:
        kept_before = self.case.target().kept_minor
        self.case = replace(self.case, refunds=(*self.case.refunds, refund))
        assert self._follow().kept_minor <= kept_before

    def _follow(self) -> Target:
        target = self.case.target()
        self.posted_back += self.granted - self.posted_back - target.kept_minor
        return target

    def _next_number(self) -> int:
        return len(self.case.refunds) + 1

    def _no_units(self) -> dict[int, int]:
        return {line.line_id: 0 for line in self.case.order.lines}


TestOrdersLife = OrdersLife.TestCase
TestOrdersLife.settings = settings(max_examples=20, stateful_step_count=8, deadline=None)
