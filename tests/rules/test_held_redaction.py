"""What stays of an order without its person, and that it earns as before."""

from dataclasses import replace

from app.engine.rules.facts import CustomerFact
from app.engine.rules.redaction import find_deciding_tags, keep_tags, without_person
from app.engine.rules.terms import HoldRules

from .made import BIG, day, make_order, make_refund, make_terms

ADA = CustomerFact(BIG + 7, "ada@example.com", "Ada Example", (" Staff", "left-handed", "VIP"), day(-9))
ORDER = make_order(customer=ADA, email="ada@example.com", tags=("gift",))


def test_name_and_mail_go_and_the_number_the_age_and_deciding_tags_stay() -> None:
    left = without_person(ORDER, frozenset({"staff", "vip"}))
    ada = CustomerFact(BIG + 7, email=None, name=None, tags=(" Staff", "VIP"), created_at=day(-9))
    assert left == make_order(customer=ada, email=None, tags=())


def test_tags_that_nobody_told_stay_untold_and_tags_told_as_none_stay_none() -> None:
    for tags in (None, ()):
        order = replace(ORDER, customer=replace(ADA, tags=tags))
        customer = without_person(order, frozenset({"staff"})).customer
        assert customer is not None
        assert customer.tags == tags


def test_a_guest_order_loses_its_mail() -> None:
    assert without_person(make_order(customer=None, email="guest@example.com"), frozenset()) == make_order(
        customer=None, email=None
    )


def test_no_tag_is_kept_that_no_terms_decide_by() -> None:
    assert keep_tags(ADA.tags or (), frozenset()) == ()


def test_every_version_of_the_terms_has_a_say_in_which_tags_stay_by_exclusion_and_by_hold() -> None:
    first = make_terms(excluded_tags=frozenset({"Staff "}), holds=HoldRules(tags=frozenset({"Watch"})))
    second = make_terms(excluded_tags=frozenset({"Press"}))
    assert find_deciding_tags([first, second]) == {"staff", "watch", "press"}
    assert find_deciding_tags([make_terms()]) == frozenset()


def test_what_staff_wrote_about_a_refund_goes_and_its_amounts_stay() -> None:
    refund = replace(make_refund(1, money_minor=500), note="Rang Ada Example")
    (left,) = without_person(make_order(refunds=(refund,)), frozenset()).refunds
    assert left == replace(refund, note=None)


def test_of_an_orders_tags_those_stay_that_terms_decide_by() -> None:
    order = make_order(tags=("for Ada", "Watch"))
    assert without_person(order, frozenset({"watch"})).tags == ("Watch",)
