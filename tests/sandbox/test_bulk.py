"""Bulk operations: what is refused, what is written, how it ends, and how its file is read."""

import json
from typing import Any

import pytest

from sandbox.bulk_query import BadBulkQuery, prepare_bulk
from sandbox.graphql_api import SCHEMA
from tests.sandbox.conftest import Shopper, wait_for
from tests.sandbox.tiny_app import TinyApp

RUN = """mutation Run($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id status } userErrors { code field message } } }"""
LOOK = """query Look($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount rootObjectCount fileSize url
    partialDataUrl completedAt type } }"""
CANCEL = """mutation Cancel($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status }
    userErrors { field message } } }"""
QUERY = """{ orders(query: "processed_at:>='2026-01-01'") { edges { node { id name refunds { id }
    lineItems { edges { node { id quantity } } } shippingLines { edges { node { title } } } } } } }"""


def run(shopper: Shopper, query: str = QUERY) -> str:
    payload = shopper.graphql(RUN, query=query)["data"]["bulkOperationRunQuery"]
    assert payload["userErrors"] == [], payload
    return payload["bulkOperation"]["id"]


def look(shopper: Shopper, gid: str) -> Any:
    return shopper.graphql(LOOK, id=gid)["data"]["bulkOperation"]


def ended(shopper: Shopper, gid: str) -> Any:
    wait_for(lambda: look(shopper, gid)["status"] not in ("CREATED", "RUNNING", "CANCELING"))
    return look(shopper, gid)


def lines(shopper: Shopper, url: str, **headers: str) -> list[dict[str, Any]]:
    answer = shopper.session.get(url, headers=headers)
    assert answer.status_code in (200, 206), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_each_order_is_followed_by_what_its_connections_hold(all_topics: Shopper, app: TinyApp) -> None:
    one = all_topics.order(quantity=2, shipping="5.00", created_at="2026-02-01T10:00:00Z")
    other = all_topics.order(lines=[{"price": "1.00"}, {"price": "2.00"}], created_at="2026-03-01T10:00:00Z")
    all_topics.order(created_at="2025-12-31T10:00:00Z")
    gid = run(all_topics)
    found = ended(all_topics, gid)
    assert (found["status"], found["rootObjectCount"], found["objectCount"]) == ("COMPLETED", "2", "6")
    written = lines(all_topics, found["url"])
    assert found["fileSize"] == str(len(all_topics.session.get(found["url"]).content))
    assert [line.get("name") or line.get("title") or line["quantity"] for line in written] == [
        one["name"], 2, "Standard", other["name"], 1, 1,
    ]  # fmt: skip
    parents = [line.get("__parentId") for line in written]
    assert parents == [None, *[one["admin_graphql_api_id"]] * 2, None, *[other["admin_graphql_api_id"]] * 2]
    all_topics.settle()
    (told,) = app.bodies("bulk_operations/finish")
    assert (told["admin_graphql_api_id"], told["status"], told["error_code"]) == (gid, "completed", None)


def test_the_file_is_read_from_a_byte_on_and_only_with_its_signature(shopper: Shopper) -> None:
    shopper.order()
    found = ended(shopper, run(shopper))
    whole = shopper.session.get(found["url"]).content
    part = shopper.session.get(found["url"], headers={"Range": "bytes=10-"})
    assert (part.status_code, part.content) == (206, whole[10:])
    assert shopper.session.get(found["url"].split("?")[0]).status_code == 403
    number = shopper.get("bulk")["operations"][0]["id"]
    shopper.post(f"bulk/{number}/expire")
    assert shopper.session.get(found["url"]).status_code == 403
    assert look(shopper, f"gid://shopify/BulkOperation/{number}")["url"] is None


def test_orders_older_than_sixty_days_are_left_out_without_the_scope(shopper: Shopper) -> None:
    shopper.order(created_at="2020-01-01T00:00:00Z")
    shopper.box.world.main.grants.change([], ["read_all_orders"], force=True)
    assert ended(shopper, run(shopper, QUERY.replace("2026-01-01", "2019-01-01")))["rootObjectCount"] == "0"


def test_an_operation_that_fails_leaves_what_it_had(shopper: Shopper) -> None:
    for _ in range(3):
        shopper.order()
    shopper.post("bulk", fails="TIMEOUT", after=2)
    found = ended(shopper, run(shopper))
    assert (found["status"], found["errorCode"], found["url"]) == ("FAILED", "TIMEOUT", None)
    assert len(lines(shopper, found["partialDataUrl"])) == 4
    assert ended(shopper, run(shopper))["status"] == "COMPLETED"


def test_what_the_token_may_not_see_ends_the_operation(shopper: Shopper) -> None:
    shopper.order()
    shopper.graphql(LOOK, id="gid://shopify/BulkOperation/1")
    shopper.box.world.main.grants.change([], ["read_customers", "write_customers"], force=True)
    found = ended(shopper, run(shopper, "{ orders { edges { node { id customer { id } } } } }"))
    assert (found["status"], found["errorCode"]) == ("FAILED", "ACCESS_DENIED")


def test_five_run_at_a_time_and_each_can_be_cancelled(shopper: Shopper) -> None:
    shopper.order()
    shopper.post("bulk", hold=True)
    running = [run(shopper) for _ in range(5)]
    refused = shopper.graphql(RUN, query=QUERY)["data"]["bulkOperationRunQuery"]
    assert [error["code"] for error in refused["userErrors"]] == ["LIMIT_REACHED"]
    answer = shopper.graphql(CANCEL, id=running[0])["data"]["bulkOperationCancel"]
    assert (answer["bulkOperation"]["status"], answer["userErrors"]) == ("CANCELING", [])
    shopper.post("bulk", hold=False)
    assert [ended(shopper, gid)["status"] for gid in running] == ["CANCELED", *["COMPLETED"] * 4]
    again = shopper.graphql(CANCEL, id=running[1])["data"]["bulkOperationCancel"]
    assert "completed" in again["userErrors"][0]["message"]
    nobody = shopper.graphql(CANCEL, id="gid://shopify/BulkOperation/1")["data"]["bulkOperationCancel"]
    assert nobody["bulkOperation"] is None


def test_a_reset_while_an_operation_runs_ends_it(shopper: Shopper) -> None:
    shopper.order()
    shopper.post("bulk", hold=True)
    run(shopper)
    shopper.post("reset")
    assert shopper.get("bulk") == {"operations": []}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{", "Invalid bulk query"),
        ("mutation { bulkOperationCancel(id: 1) { userErrors { message } } }", "Only `query` operations"),
        ("{ orders { edges { node { nothing } } } }", "Cannot query field"),
        ("{ orders { nodes { id } } }", "using 'edges' > 'node'"),
        ("{ node(id: 1) { id } }", "top level `node`"),
        ("{ shop { name } }", "at least one connection"),
        ("{ orders { edges { node { name lineItems { edges { node { id } } } } } } }", "must select the 'id' field"),
        (
            "{ orders { edges { node { id refunds { id refundLineItems { edges { node { quantity } } } } } } } }",
            "within a list field",
        ),
        (
            "{ orders { edges { node { id lineItems { edges { node { id product { id collections "
            "{ edges { node { id } } } } } } } } } } }",
            "nesting depth greater than 2",
        ),
        ("{ products { edges { node { id } } } }", "over orders only"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_run_in_bulk_is_refused_with_the_reason(query: str, words: str) -> None:
    with pytest.raises(BadBulkQuery) as caught:
        prepare_bulk(SCHEMA, query)
    assert words in str(caught.value)


def test_a_refused_query_is_no_operation(shopper: Shopper) -> None:
    payload = shopper.graphql(RUN, query="{ shop { name } }")["data"]["bulkOperationRunQuery"]
    assert (payload["bulkOperation"], payload["userErrors"][0]["code"]) == (None, "INVALID")
    assert shopper.get("bulk") == {"operations": []}
    assert "fails must be" in shopper.refusal("bulk", {"fails": "NEVER"})
    assert "no bulk operation" in shopper.refusal("bulk/7/expire", {})
