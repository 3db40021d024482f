"""Session tokens, token exchange and refresh are as Shopify's."""

import jwt
import pytest

from sandbox.server import Sandbox
from sandbox.staff import STAFF
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import CLIENT_ID, SECRET, TinyApp

SHOP = "boomerang-demo.myshopify.com"
SHOP_QUERY = "{ shop { myshopifyDomain } }"


def refresh(shopper: Shopper, token: str) -> dict[str, object]:
    return shopper.ask_token(grant_type="refresh_token", refresh_token=token).json()


def test_a_session_token_carries_shopifys_claims(shopper: Shopper) -> None:
    claims = jwt.decode(shopper.session_token(staff_id=7), SECRET, algorithms=["HS256"], audience=CLIENT_ID)
    assert (claims["iss"], claims["dest"], claims["sub"]) == (f"https://{SHOP}/admin", f"https://{SHOP}", "7")
    assert claims["exp"] - claims["iat"] == 60
    assert {"nbf", "jti", "sid", "sig"} <= claims.keys()


def test_an_exchange_gives_an_expiring_pair_that_works(shopper: Shopper) -> None:
    answer = shopper.exchange().json()
    assert (answer["expires_in"], answer["refresh_token_expires_in"]) == (3600, 90 * 86400)
    assert "write_store_credit_account_transactions" in answer["scope"].split(",")
    assert shopper.call(SHOP_QUERY, answer["access_token"]).json()["data"]["shop"]["myshopifyDomain"] == SHOP


def test_without_expiring_the_token_has_no_refresh_token(shopper: Shopper) -> None:
    assert set(shopper.exchange(expiring="0").json()) == {"access_token", "scope"}


def test_an_online_token_names_its_user(shopper: Shopper) -> None:
    kind = "urn:shopify:params:oauth:token-type:online-access-token"
    answer = shopper.exchange(requested_token_type=kind, subject_token=shopper.session_token(staff_id=42)).json()
    assert answer["associated_user"]["id"] == 42


def test_the_staff_of_the_sandbox_have_names_and_one_owner(shopper: Shopper) -> None:
    kind = "urn:shopify:params:oauth:token-type:online-access-token"
    told = [
        shopper.exchange(requested_token_type=kind, subject_token=shopper.session_token(staff_id=one.id)).json()
        for one in STAFF
    ]
    people = [answer["associated_user"] for answer in told]
    assert [one["first_name"] for one in people] == ["Olivia", "Rita", "Ali"]
    assert [one["account_owner"] for one in people] == [True, False, False]


@pytest.mark.parametrize("seconds", [-60])
def test_an_expired_session_token_is_refused(shopper: Shopper, seconds: int) -> None:
    refused = shopper.exchange(subject_token=shopper.session_token(expires_in=seconds))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_subject_token")


def test_a_session_token_of_another_shop_is_refused(shopper: Shopper) -> None:
    shopper.post("shops", shop="other-shop.myshopify.com")
    other = shopper.session_token(shop="other-shop.myshopify.com")
    assert shopper.exchange(subject_token=other).json()["error"] == "invalid_subject_token"


def test_a_wrong_client_secret_is_refused(shopper: Shopper) -> None:
    refused = shopper.exchange(client_secret="wrong")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


def test_a_bad_access_token_is_401_in_shopifys_words(shopper: Shopper) -> None:
    answer = shopper.call(SHOP_QUERY, "shpat_made_up")
    assert answer.status_code == 401
    assert answer.json() == {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


def test_every_refresh_gives_a_new_pair(shopper: Shopper) -> None:
    first = shopper.exchange().json()
    second = refresh(shopper, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert shopper.call(SHOP_QUERY, str(second["access_token"])).ok


def test_an_old_refresh_token_works_until_its_successor_is_used(shopper: Shopper) -> None:
    first = shopper.exchange().json()["refresh_token"]
    lost = refresh(shopper, first)
    again = refresh(shopper, first)
    assert "access_token" in lost
    assert "access_token" in refresh(shopper, str(again["refresh_token"]))
    assert refresh(shopper, first)["error"] == "invalid_grant"


def test_an_unknown_refresh_token_is_an_invalid_grant(shopper: Shopper) -> None:
    refused = shopper.ask_token(grant_type="refresh_token", refresh_token="shprt_made_up")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_access_tokens_can_be_expired_and_refreshed(shopper: Shopper) -> None:
    pair = shopper.exchange().json()
    shopper.post("expire-tokens")
    assert shopper.call(SHOP_QUERY, pair["access_token"]).status_code == 401
    renewed = refresh(shopper, pair["refresh_token"])
    assert shopper.call(SHOP_QUERY, str(renewed["access_token"])).ok


def test_access_tokens_live_as_long_as_chosen(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, token_seconds=0) as box:
        shopper = Shopper(box)
        assert shopper.call(SHOP_QUERY, shopper.exchange().json()["access_token"]).status_code == 401


def test_an_uninstall_ends_all_tokens_and_is_announced(shopper: Shopper, app: TinyApp) -> None:
    pair, session_token = shopper.exchange().json(), shopper.session_token()
    shopper.post("uninstall")
    shopper.settle()
    assert app.topics() == ["app/uninstalled"]
    assert shopper.call(SHOP_QUERY, pair["access_token"]).status_code == 401
    assert refresh(shopper, pair["refresh_token"])["error"] == "invalid_client"
    assert shopper.exchange(subject_token=session_token).json()["error"] == "invalid_client"
    assert "POST /sandbox/install" in shopper.refusal("session-token", {})
    shopper.post("install")
    assert shopper.exchange().ok


def test_other_shops_are_served_under_their_prefix(shopper: Shopper) -> None:
    made = shopper.post("shops", shop="other-shop.myshopify.com", currency="JPY")
    assert made["admin_origin"] == f"{shopper.box.url}/shops/other-shop.myshopify.com"
    answer = shopper.session.post(f"{made['admin_origin']}/admin/oauth/access_token", json={})
    assert answer.json()["error"] == "invalid_client"
    placed = shopper.post("orders", shop="other-shop.myshopify.com", lines=[{"price": "1500"}])
    assert placed["order"]["total_price"] == "1500"
    assert shopper.get("orders")["count"] == 0
