"""What Shopify was recorded to say to a value that is no member of an enum, and the topics it knows."""

from typing import Any

from sandbox.graphql_api import SCHEMA
from sandbox.subscriptions import ALWAYS, COMPLIANCE, ON_REQUEST
from tests.sandbox.conftest import Shopper
from tests.sandbox.recorded import load, needs_recordings

pytestmark = needs_recordings

TOPICS = "webhook-subscription-2026-04"
ENUMS = "webhook-subscription-topic-enum-validation-2026-04"

IN_TEXT = "query WebhookSubscriptionBogusTopic { orders(first: 1, sortKey: NOT_A_REAL_TOPIC) { nodes { id } } }"
IN_VARIABLE = "query Orders($topic: OrderSortKeys!) { orders(first: 1, sortKey: $topic) { nodes { id } } }"


def told(case: str) -> Any:
    """Return the recorded error with our field's names in place of the recorded one's, and without its place."""
    (error,) = load(ENUMS)["validation"][case]["response"]["payload"]["errors"]
    error.pop("locations", None)
    return error


def test_a_literal_that_is_no_member_of_an_enum_is_refused_in_shopifys_words(shopper: Shopper) -> None:
    theirs = told("createBogusTopicRejected")
    (ours,) = shopper.graphql(IN_TEXT)["errors"]
    assert ours.pop("locations")
    message = theirs["message"].replace("webhookSubscriptionCreate", "orders").replace("'topic'", "'sortKey'")
    assert ours["message"] == message.replace("WebhookSubscriptionTopic!", "OrderSortKeys")
    assert ours["path"] == ["query WebhookSubscriptionBogusTopic", "orders", "sortKey"]
    assert theirs["path"] == ["mutation WebhookSubscriptionBogusTopic", "webhookSubscriptionCreate", "topic"]
    assert ours["extensions"] == {**theirs["extensions"], "argumentName": "sortKey"}
    assert set(ours) == set(theirs)


def test_a_variable_that_is_no_member_of_an_enum_is_refused_in_shopifys_words(shopper: Shopper) -> None:
    theirs = told("createBogusVariableTopicRejected")
    (ours,) = shopper.graphql(IN_VARIABLE, topic="NOT_A_REAL_TOPIC")["errors"]
    assert ours.pop("locations")
    assert ours["message"] == theirs["message"].replace("WebhookSubscriptionTopic", "OrderSortKeys")
    (mine,), (recorded,) = ours["extensions"].pop("problems"), theirs["extensions"].pop("problems")
    assert ours["extensions"] == theirs["extensions"]
    members = ", ".join(SCHEMA.type_map["OrderSortKeys"].values)  # type: ignore[attr-defined]
    assert mine == {**recorded, "explanation": f"{recorded['explanation'].split(': ')[0]}: {members}"}
    assert set(ours) == set(theirs)


def test_every_topic_that_the_sandbox_sends_is_one_of_shopifys() -> None:
    data = load(TOPICS)["schemaAndAccess"]["response"]["payload"]["data"]
    known = {one["name"] for one in data["webhookSubscriptionTopic"]["enumValues"]}
    ours = {topic: topic.replace("/", "_").replace(".", "_").upper() for topic in (*ALWAYS, *ON_REQUEST)}
    assert [topic for topic, name in ours.items() if name not in known] == []
    assert not known & {topic.replace("/", "_").upper() for topic in COMPLIANCE}, "those belong to the app, not a list"
