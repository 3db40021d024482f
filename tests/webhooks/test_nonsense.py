"""Bodies nobody should send: each is stored and answered 200, and ends as a fact or as a sentence, never as a crash."""

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import utcnow
from app.engine.rules.facts_json import to_json
from app.models import DeliveryState, Shop
from app.webhooks.body import BodyError, NothingToDo, read_object
from app.webhooks.inbox import drain
from app.webhooks.lifecycle import Uninstalled
from app.webhooks.topics import HANDLERS, Origin
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import SHOP, Sender, example, example_bytes

Json = Any
LARGEST = 2**63 - 1
BEFORE_ALL_TIMES = b"0001-01-01T00:00:00+14:00"
LONG_NAME = b"".join(b"%x" % (n * 7919) for n in range(4000))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.decimals(),
    st.text(st.characters(), max_size=12),  # lone surrogates and NUL included
    st.sampled_from(["", "0.00", "-1.00", "1e9", "NaN", "9" * 400, "USD", "paid", "2026-01-01T00:00:00Z", "gid://x/1"]),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "amount", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
TOPICS = sorted(HANDLERS)


def places(value: Json, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all values inside a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in ((*way, key), *places(inner, (*way, key)))]


@st.composite
def mutated_bodies(draw: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    """Draw an example body with up to four of its values replaced, repeated or taken out."""
    topic = draw(st.sampled_from(TOPICS))
    body = copy.deepcopy(example(topic))
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        way = draw(st.sampled_from(places(body)))
        holder: Any = body
        for key in way[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "remove", "repeat"])):
            case "replace":
                holder[way[-1]] = draw(values)
            case "remove":
                del holder[way[-1]]
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[way[-1]]))
        if not places(body):
            break
    return topic, body


def parse(topic: str, body: dict[str, Any]) -> object:
    return HANDLERS[topic].parse(body, Origin(SHOP, "USD", utcnow(), None))


def check_sentence(refused: BodyError | NothingToDo) -> None:
    """Fail unless the error says something, briefly, that PostgreSQL can store."""
    sentence = str(refused)
    assert sentence.endswith(".")
    assert len(sentence) < 300
    check_storable(sentence)


def check_storable(value: Json) -> None:
    """Fail unless PostgreSQL can store the value: integers of 64 bits, texts without NUL and lone surrogates."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            check_storable(inner)
    elif isinstance(value, str):
        value.encode("utf-8")
        assert "\x00" not in value
    elif isinstance(value, int):
        assert abs(value) <= LARGEST
    else:
        assert value is None, f"a fact holds {value!r}"


@given(mutated_bodies())
def test_any_body_becomes_a_fact_that_can_be_stored_or_a_sentence(drawn: tuple[str, dict[str, Any]]) -> None:
    topic, body = drawn
    try:
        fact = parse(topic, body)
    except (BodyError, NothingToDo) as refused:
        check_sentence(refused)
        return
    if not isinstance(fact, Uninstalled):
        check_storable(to_json(fact))  # type: ignore[arg-type]


@given(values.filter(lambda value: not isinstance(value, dict)) | st.dictionaries(st.text(max_size=5), values))
def test_a_body_of_any_shape_becomes_a_fact_or_a_sentence(value: Json) -> None:
    body = value if isinstance(value, dict) else {"line_items": value, "id": value}
    for topic in TOPICS:
        try:
            parse(topic, body)
        except (BodyError, NothingToDo) as refused:
            check_sentence(refused)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps(text).encode()))
def test_any_bytes_are_an_object_or_a_sentence(raw: bytes) -> None:
    try:
        assert isinstance(read_object(raw), dict)
    except BodyError as refused:
        check_sentence(refused)


def test_no_number_is_ever_read_as_a_float() -> None:
    body = read_object(b'{"a": 1.10, "b": -0.0, "c": 1e5, "d": 9007199254740993, "e": 1e999}')
    assert body == {"a": Decimal("1.10"), "b": 0, "c": 100_000, "d": 9007199254740993, "e": Decimal("1e999")}
    assert {type(value) for value in body.values()} == {Decimal, int}


def changed(old: bytes, new: bytes) -> bytes:
    raw = example_bytes("orders/paid")
    assert old in raw
    return raw.replace(old, new)


NONSENSE = {
    "NUL in texts": (changed(b"Linen apron", rb"Linen\u0000 apron"), DeliveryState.HANDLED),
    "NUL in a tag": (changed(b"spring, ", rb"spring\u0000, "), DeliveryState.HANDLED),
    "lone surrogates": (changed(b"Mara", rb"Mara\ud800 \udfff"), DeliveryState.HANDLED),
    "a name longer than an index takes": (changed(b"#2041", LONG_NAME), DeliveryState.HANDLED),
    "a title of a megabyte": (changed(b"Linen apron", b"x" * 1_000_000), DeliveryState.HANDLED),
    "a price without end": (changed(b'"40.00"', b"1e999"), DeliveryState.FAILED),
    "a price of 4,000 digits": (changed(b'"40.00"', b"9" * 4000), DeliveryState.FAILED),
    "a quantity beyond all shelves": (changed(b'"quantity": 2', b'"quantity": 99999999999'), DeliveryState.FAILED),
    "an id of 65 bits": (changed(b'"id": 8200000000017,', b'"id": 18446744073709551616,'), DeliveryState.FAILED),
    "a customer of another kind": (changed(b'"id": 8200000000017,', b'"id": {"a": 1},'), DeliveryState.FAILED),
    "a time before all times": (changed(b"2026-03-02T18:31:07+01:00", BEFORE_ALL_TIMES), DeliveryState.FAILED),
    "a repeated name": (changed(b'"name": "#2041"', b'"name": "#1", "name": "#2041"'), DeliveryState.HANDLED),
    "an empty object": (b"{}", DeliveryState.FAILED),
    "an object deep inside": (b'{"id": ' + b'{"a":' * 400 + b"1" + b"}" * 401, DeliveryState.FAILED),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_stored_answered_200_and_ends_in_a_state(
    name: str, shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    raw, state = NONSENSE[name]
    assert sender.send("orders/paid", raw).status_code == 200
    sender.send("orders/paid", {**example("orders/paid"), "id": 5})
    drain(utcnow)
    first, neighbour = inbox()
    assert (first.state, first.body) == (state, raw)
    assert bool(first.reason) == (state == DeliveryState.FAILED)
    assert neighbour.state is DeliveryState.HANDLED


@pytest.mark.parametrize("topic", sorted(HANDLERS))
def test_a_body_of_another_topic_is_refused_with_a_sentence(
    topic: str, shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    # The shape of an order's body is that of four topics, so an order is one under any of them.
    kind = "orders" if HANDLERS[topic] is HANDLERS["orders/paid"] else topic.partition("/")[0]
    # A goodbye is the shop itself, as any news of the shop.
    kind = "app" if kind == "shop" else kind
    others = [other for other in ("orders/paid", "refunds/create", "app/uninstalled") if not other.startswith(kind)]
    for other in others:
        assert sender.send(topic, example(other)).status_code == 200
    assert drain(utcnow).failed == len(others) >= 2
    assert all(row.reason for row in inbox())
