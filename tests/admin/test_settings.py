"""The settings: the mode, pausing, unmistakable transfers, and publishing terms."""

from typing import Any

import pytest
from sqlalchemy import select

from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Terms, Tier
from app.models import AuditEvent, Shop, TermsVersion
from tests.admin.factories import OTHER, Page, Visitor, make_shop, order, publish, reading, reward_of, tell
from tests.flows.builders import all_rows

GOOD = {
    "seen_version": "1",
    "tier_name": ["Everyone", "Friends"],
    "tier_threshold": ["0", "250.50"],
    "tier_rate": ["1", "2.5"],
    "minimum_order": "10.00",
    "cap_per_order": "25",
    "hold_above": "",
    "excluded_product_ids": "9007199254740995, gid://shopify/Product/7\n8",
    "excluded_tags": "wholesale,  Staff ",
}


def shop_now(shop_id: int) -> Shop:
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        session.expunge(shop)
        return shop


def newest_terms(shop_id: int) -> Terms:
    with reading() as session:
        row = session.query(TermsVersion).filter_by(shop_id=shop_id).order_by(TermsVersion.version.desc()).first()
        assert row is not None
        return terms_from_json(row.body)


def test_switching_to_automatic_asks_what_becomes_of_those_that_wait(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1), order(2))
    shown = Page(visitor.load("/settings").text)
    assert "2 orders wait for approval, $4.00 in all" in shown.text
    assert [one["value"] for one in shown.of("input", name="waiting")] == ["keep", "release"]
    assert "checked" in shown.of("input", name="waiting", value="keep")[0]


def test_switching_to_automatic_keeps_them_unless_told_otherwise(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    response = visitor.post("/settings/mode", {"mode": "automatic"})
    assert response.status_code == 200
    assert shop_now(shop_id).mode is Mode.AUTOMATIC
    assert reward_of(fact).state is RewardState.IN_REVIEW


def test_switching_to_automatic_releases_them_if_told_so(visitor: Visitor, shop_id: int, redis_client: Any) -> None:
    fact = order(1)
    tell(shop_id, fact)
    visitor.post("/settings/mode", {"mode": "automatic", "waiting": "release"})
    assert reward_of(fact).state is RewardState.PENDING
    assert redis_client.llen("rq:queue:inbox") == 1


def test_switching_to_manual_touches_nothing_that_was_processed(visitor: Visitor, shop_id: int) -> None:
    visitor.post("/settings/mode", {"mode": "automatic"})
    fact = order(1)
    tell(shop_id, fact)
    visitor.post("/settings/mode", {"mode": "manual"})
    assert shop_now(shop_id).mode is Mode.MANUAL
    assert reward_of(fact).state is RewardState.SETTLED


def test_pausing_is_shown_everywhere_and_names_who_did_it(visitor: Visitor, shop_id: int) -> None:
    assert "Paused by staff 42" in visitor.post("/settings/pause").text
    for path in ("/orders", "/reviews"):
        assert "Boomerang is paused" in visitor.load(path).text
    response = visitor.post("/settings/resume")
    assert Page(response.text).of("span", data_engine="") == [] or "Active" in response.text
    assert shop_now(shop_id).paused_at is None
    with reading() as session:
        by_staff = select(AuditEvent.action).where(AuditEvent.actor == "staff:42").order_by(AuditEvent.id)
        assert session.scalars(by_staff).all() == [
            "pause",
            "resume",
        ]


def test_unmistakable_transfers_are_turned_on_and_off(visitor: Visitor, shop_id: int) -> None:
    assert "Turn off" in visitor.post("/settings/far-expiry", {"agreed": "true"}).text
    assert shop_now(shop_id).far_expiry_agreed
    visitor.post("/settings/far-expiry", {"agreed": "false"})
    assert not shop_now(shop_id).far_expiry_agreed


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/settings/mode", {}),
        ("/settings/mode", {"mode": "sideways"}),
        ("/settings/mode", {"mode": "automatic", "waiting": "burn"}),
        ("/settings/far-expiry", {}),
        ("/settings/far-expiry", {"agreed": "perhaps"}),
    ],
)
def test_a_switch_that_says_nonsense_changes_nothing(visitor: Visitor, path: str, form: dict[str, str]) -> None:
    before = all_rows()
    for htmx in (True, False):
        assert visitor.post(path, form, htmx=htmx).status_code == 422
    assert all_rows() == before


def test_good_terms_are_published_as_the_next_version(visitor: Visitor, shop_id: int) -> None:
    response = visitor.post("/settings/terms", GOOD)
    assert response.status_code == 200, Page(response.text).text
    assert newest_terms(shop_id) == Terms(
        version=2,
        currency="USD",
        tiers=(Tier("Everyone", 0, 100), Tier("Friends", 25_050, 250)),
        minimum_order_minor=1_000,
        cap_per_order_minor=2_500,
        hold_above_minor=None,
        excluded_product_ids=frozenset({9007199254740995, 7, 8}),
        excluded_tags=frozenset({"wholesale", "Staff"}),
    )
    assert "Version 2" in response.text


def test_the_form_shows_the_terms_it_would_publish_again(visitor: Visitor, shop_id: int) -> None:
    visitor.post("/settings/terms", GOOD)
    published = newest_terms(shop_id)
    shown = Page(visitor.load("/settings").text)

    def typed(name: str) -> list[str]:
        return [str(one["value"]) for one in shown.of("input", name=name)]

    # The last row is the empty one that a new tier is made of.
    form: dict[str, Any] = {name: typed(name)[:-1] for name in ("tier_name", "tier_threshold", "tier_rate")}
    form |= {name: typed(name)[0] for name in ("minimum_order", "cap_per_order", "hold_above", "seen_version")}
    form |= {"excluded_product_ids": "7 8 9007199254740995", "excluded_tags": "Staff, wholesale"}
    assert visitor.post("/settings/terms", form).status_code == 200
    again = newest_terms(shop_id)
    assert again.version == published.version + 1
    assert again.tiers == published.tiers
    assert (again.minimum_order_minor, again.cap_per_order_minor) == (1_000, 2_500)


BAD = [
    ({"tier_rate": ["1", "two"]}, "in percent"),
    ({"tier_rate": ["1", "2.555"]}, "two decimals"),
    ({"tier_rate": ["1", "100.01"]}, "at most 100"),
    ({"tier_rate": ["1", "-1"]}, "in percent"),
    ({"tier_rate": ["1", ""]}, "in percent"),
    ({"tier_threshold": ["0", "250.505"]}, "more decimals"),
    ({"tier_threshold": ["0", "1e3"]}, "not an amount"),
    ({"tier_threshold": ["0", "1,000"]}, "not an amount"),
    ({"tier_threshold": ["0", "-5"]}, "must not be negative"),
    ({"tier_threshold": ["5", "250"]}, "must start at 0"),
    ({"tier_threshold": ["0", "0"]}, "must rise"),
    ({"tier_name": ["", "Friends"]}, "needs a name"),
    ({"tier_name": ["Everyone"]}, "needs a name"),
    ({"tier_rate": ["1"]}, "in percent"),
    ({"tier_name": ["Friends", "friends"]}, "same name"),
    ({"tier_name": ["x" * 61, "Friends"]}, "at most 60"),
    ({"tier_name": [], "tier_threshold": [], "tier_rate": []}, "at least one tier"),
    ({"minimum_order": "a lot"}, "not an amount"),
    ({"minimum_order": "-1"}, "must not be negative"),
    ({"cap_per_order": "0"}, "above zero"),
    ({"cap_per_order": "12.345"}, "more decimals"),
    ({"hold_above": "99999999999999999999"}, "not an amount"),
    ({"excluded_product_ids": "shirt"}, "no product id"),
    ({"excluded_product_ids": "0"}, "no product id"),
    ({"excluded_product_ids": str(2**63)}, "no product id"),
    ({"excluded_tags": "x" * 256}, "at most 255"),
    ({"excluded_tags": ",".join(map(str, range(1001)))}, "At most 1000"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_bad_terms_are_told_why_and_nothing_is_saved(
    visitor: Visitor, shop_id: int, change: dict[str, Any], sentence: str
) -> None:
    before = all_rows()
    response = visitor.post("/settings/terms", {**GOOD, **change})
    assert response.status_code == 422
    page = Page(response.text)
    assert sentence in page.text
    assert all_rows() == before
    # What was typed is still there.
    kept = {str(one.get("value")) for _, one in page.elements} | set(page.words)
    typed = next(iter(change.values()))
    for text in [typed] if isinstance(typed, str) else typed:
        assert any(text in one for one in kept)
    assert visitor.post("/settings/terms", {**GOOD, **change}, htmx=False).status_code == 422


def test_a_nul_in_the_terms_is_left_out_as_no_table_can_hold_it(visitor: Visitor, shop_id: int) -> None:
    change = {"tier_name": ["Every\0one", "Friends"], "excluded_tags": "whole\0sale, \0"}
    assert visitor.post("/settings/terms", {**GOOD, **change}).status_code == 200
    assert [tier.name for tier in newest_terms(shop_id).tiers] == ["Everyone", "Friends"]
    assert newest_terms(shop_id).excluded_tags == {"wholesale"}


@pytest.mark.parametrize("seen", ["", "2", "0", "one", None])
def test_terms_that_saw_another_version_are_not_published(visitor: Visitor, shop_id: int, seen: str | None) -> None:
    before = all_rows()
    form = {name: value for name, value in {**GOOD, "seen_version": seen}.items() if value is not None}
    response = visitor.post("/settings/terms", form)
    assert response.status_code == 409
    assert "meanwhile" in response.text
    assert "250.50" in response.text
    assert all_rows() == before


def test_amounts_of_the_form_are_in_the_shops_currency(app: Any) -> None:
    shop_id = make_shop(OTHER, currency="JPY")
    visitor = Visitor(app, OTHER)
    form = {**GOOD, "tier_threshold": ["0", "250"], "minimum_order": "1000", "cap_per_order": "25.0"}
    assert visitor.post("/settings/terms", form).status_code == 200
    assert newest_terms(shop_id).minimum_order_minor == 1000
    assert visitor.post("/settings/terms", {**form, "seen_version": "2", "minimum_order": "10.5"}).status_code == 422


def test_orders_already_seen_keep_their_terms(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, minimum_order_minor=1)
    fact = order(1)
    tell(shop_id, fact)
    visitor.post("/settings/terms", {**GOOD, "seen_version": "2"})
    assert reward_of(fact).terms_version == 2
    assert "terms of version 2" in visitor.load(f"/orders/{fact.order_id}").text
