"""Nobody fills our memory: a body that is longer than any form of ours is refused before it is read."""

import pytest

from app.admin.forms import LARGEST_FORM_BYTES
from tests.admin.factories import Visitor
from tests.flows.builders import all_rows


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("path", ["/rules", "/reviews/decide/approve", "/settings/mails"])
def test_a_form_that_is_too_long_is_answered_with_a_sentence(visitor: Visitor, path: str, kind: str) -> None:
    before = all_rows()
    for htmx in (True, False):
        headers = visitor._headers(htmx=htmx)
        answer = visitor.client.post(path, data=b"a" * (LARGEST_FORM_BYTES + 1), content_type=kind, headers=headers)
        assert (answer.status_code, "Send less and try again." in answer.text) == (413, True)
    assert all_rows() == before


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_who_has_no_token_sends_no_more_either(visitor: Visitor, kind: str) -> None:
    long = b"mail=" + b"a" * LARGEST_FORM_BYTES
    assert visitor.client.post("/mail-frame", data=long, content_type=kind).status_code == 413
    assert visitor.client.post("/reviews/1/approve", data=long, content_type=kind).status_code == 401


def test_a_form_with_thousands_of_products_is_taken(visitor: Visitor) -> None:
    ids = "\n".join(str(10_000_000_000_000 + number) for number in range(50_000))
    answer = visitor.post("/rules", {"seen_version": "1", "excluded_product_ids": ids})
    assert answer.status_code == 422
    assert "that is too much" not in answer.text.lower()
