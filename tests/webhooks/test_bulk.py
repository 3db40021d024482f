"""bulk_operations/finish: a hint that names an operation, and nothing else."""

import pytest

from app.clock import utcnow
from app.models import DeliveryState, Shop
from app.webhooks.body import BodyError
from app.webhooks.bulk import BulkFinished, parse_bulk_finish
from app.webhooks.inbox import drain
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import Sender


def test_the_operation_is_named() -> None:
    gid = "gid://shopify/BulkOperation/7"
    assert parse_bulk_finish({"admin_graphql_api_id": gid, "status": "completed"}) == BulkFinished(gid)


@pytest.mark.parametrize(
    "body", [{}, {"admin_graphql_api_id": None}, {"admin_graphql_api_id": "gid://shopify/Order/7"}]
)
def test_a_body_that_names_no_operation_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(BodyError, match="bulk operation"):
        parse_bulk_finish(body)


def test_an_operation_of_nobody_is_handled_and_changes_nothing(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("bulk_operations/finish")
    assert drain(utcnow).handled == 1
    assert [row.state for row in inbox()] == [DeliveryState.HANDLED]
