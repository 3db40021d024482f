"""Store credit behaves as recorded answers of Shopify show: checks, codes, fields, amounts, order of use."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper

ENTRY = """storeCreditAccountTransaction {
    amount { amount currencyCode } balanceAfterTransaction { amount currencyCode } event origin { __typename }
    account { id balance { amount currencyCode } owner { ... on Customer { id email } } } }
    userErrors { field message code }"""
CREDIT = f"""mutation Credit($id: ID!, $creditInput: StoreCreditAccountCreditInput!) {{
    storeCreditAccountCredit(id: $id, creditInput: $creditInput) {{ {ENTRY} }} }}"""
DEBIT = f"""mutation Debit($id: ID!, $debitInput: StoreCreditAccountDebitInput!) {{
    storeCreditAccountDebit(id: $id, debitInput: $debitInput) {{ {ENTRY} }} }}"""
ACCOUNTS = """query Accounts($id: ID!, $query: String, $search: String, $reverse: Boolean) { customer(id: $id) {
    storeCreditAccounts(first: 5, query: $query) { nodes { id balance { amount currencyCode }
      transactions(first: 50, query: $search, reverse: $reverse) { nodes { __typename amount { amount } createdAt event
        balanceAfterTransaction { amount } origin { ... on OrderTransaction { id order { id } } }
        ... on StoreCreditAccountCreditTransaction { id expiresAt remainingAmount { amount } }
        ... on StoreCreditAccountDebitTransaction { id } } } } } } }"""
PAST, FUTURE, LATER = "2000-01-01T00:00:00Z", "2090-01-01T00:00:00Z", "2095-01-01T00:00:00Z"
NOBODY, NO_ACCOUNT = "gid://shopify/Customer/99", "gid://shopify/StoreCreditAccount/99"


class Credited:
    """A customer with store credit in a sandbox."""

    def __init__(self, shopper: Shopper) -> None:
        self.shopper = shopper
        self.number = shopper.order()["customer"]["id"]
        self.id = f"gid://shopify/Customer/{self.number}"

    def credit(self, amount: str, currency: str = "USD", to: str | None = None, **more: object) -> dict[str, Any]:
        money = {"amount": amount, "currencyCode": currency}
        return self.shopper.graphql(CREDIT, id=to or self.id, creditInput={"creditAmount": money, **more})

    def debit(self, amount: str, currency: str = "USD", to: str | None = None) -> dict[str, Any]:
        money = {"amount": amount, "currencyCode": currency}
        return self.shopper.graphql(DEBIT, id=to or self.id, debitInput={"debitAmount": money})

    def accounts(self, **search: object) -> list[dict[str, Any]]:
        answer = self.shopper.graphql(ACCOUNTS, id=self.id, **search)
        return answer["data"]["customer"]["storeCreditAccounts"]["nodes"]

    def entries(self, **search: object) -> list[dict[str, Any]]:
        return self.accounts(**search)[0]["transactions"]["nodes"]


@pytest.fixture
def ada(shopper: Shopper) -> Credited:
    return Credited(shopper)


def error_of(answer: dict[str, Any]) -> tuple[str, list[str], str]:
    """Return code, field and message of the one user error."""
    (payload,) = answer["data"].values()
    assert payload["storeCreditAccountTransaction"] is None
    (error,) = payload["userErrors"]
    return error["code"], error["field"], error["message"]


def entry_of(answer: dict[str, Any]) -> dict[str, Any]:
    (payload,) = answer["data"].values()
    assert payload["userErrors"] == []
    return payload["storeCreditAccountTransaction"]


def test_a_first_credit_opens_the_account_and_a_second_currency_another(ada: Credited) -> None:
    entry = entry_of(ada.credit("7.23"))
    assert entry["amount"] == entry["balanceAfterTransaction"] == {"amount": "7.23", "currencyCode": "USD"}
    assert (entry["event"], entry["origin"]) == ("ADJUSTMENT", None)
    assert entry["account"]["owner"] == {"id": ada.id, "email": "ada@example.com"}
    entry_of(ada.credit("2.00", "CHF"))
    assert [one["balance"] for one in ada.accounts()] == [
        {"amount": "7.23", "currencyCode": "USD"},
        {"amount": "2.0", "currencyCode": "CHF"},
    ]
    assert [one["balance"]["amount"] for one in ada.accounts(query="currency_code:CHF")] == ["2.0"]


def test_a_debit_has_a_negative_amount(ada: Credited) -> None:
    account = entry_of(ada.credit("8.34"))["account"]["id"]
    entry = entry_of(ada.debit("2.22", to=account))
    assert (entry["amount"]["amount"], entry["balanceAfterTransaction"]["amount"]) == ("-2.22", "6.12")


def test_the_same_credit_sent_twice_happens_twice(ada: Credited) -> None:
    ada.credit("1.00")
    assert entry_of(ada.credit("1.00"))["balanceAfterTransaction"]["amount"] == "2.0"


AMOUNT = ["creditInput", "creditAmount", "amount"]
POSITIVE = "A positive amount must be used to {} a store credit account"
NO_SUCH_ACCOUNT = ("ACCOUNT_NOT_FOUND", ["id"], "Store credit account does not exist")


def test_credits_are_refused_in_shopifys_words(ada: Credited) -> None:
    account = entry_of(ada.credit("5.00"))["account"]["id"]
    in_past = ("EXPIRES_AT_IN_PAST", ["creditInput", "expiresAt"], "The expiry date must be in the future")
    mismatch = "The currency provided does not match the currency of the store credit account"
    limit = "The operation would cause the account's credit limit to be exceeded"
    assert error_of(ada.credit("1.00", to=NOBODY)) == ("OWNER_NOT_FOUND", ["id"], "Owner does not exist")
    assert error_of(ada.credit("0.00", to=NO_ACCOUNT)) == NO_SUCH_ACCOUNT
    assert error_of(ada.credit("-5.00", expiresAt=PAST)) == in_past
    assert error_of(ada.credit("0.00")) == ("NEGATIVE_OR_ZERO_AMOUNT", AMOUNT, POSITIVE.format("credit"))
    field = ["creditInput", "creditAmount", "currencyCode"]
    assert error_of(ada.credit("2.00", "CAD", to=account)) == ("MISMATCHING_CURRENCY", field, mismatch)
    assert error_of(ada.credit("100000.00")) == ("CREDIT_LIMIT_EXCEEDED", AMOUNT, limit)
    assert [one["balance"]["amount"] for one in ada.accounts()] == ["5.0"]


def test_debits_are_refused_in_shopifys_words(ada: Credited) -> None:
    account = entry_of(ada.credit("5.00"))["account"]["id"]
    field = ["debitInput", "debitAmount", "amount"]
    funds = "The store credit account does not have sufficient funds to satisfy the request"
    assert error_of(ada.debit("1.00", to=NOBODY)) == NO_SUCH_ACCOUNT
    assert error_of(ada.debit("0.00", to=NO_ACCOUNT)) == NO_SUCH_ACCOUNT
    assert error_of(ada.debit("-1.00")) == ("NEGATIVE_OR_ZERO_AMOUNT", field, POSITIVE.format("debit"))
    assert error_of(ada.debit("1.00", "CHF", to=account))[0] == "MISMATCHING_CURRENCY"
    assert error_of(ada.debit("5.01")) == ("INSUFFICIENT_FUNDS", field, funds)
    assert [one["balance"]["amount"] for one in ada.accounts()] == ["5.0"]


def test_a_result_only_currency_is_a_top_level_error(ada: Credited) -> None:
    answer = ada.credit("1.00", "USDC")
    assert answer["data"] == {"storeCreditAccountCredit": None}
    assert answer["errors"][0]["extensions"] == {"code": "CURRENCY_CODE_INVALID"}
    assert answer["errors"][0]["path"] == ["storeCreditAccountCredit"]


def test_an_unknown_input_field_is_an_invalid_variable_without_data(ada: Credited) -> None:
    answer = ada.credit("1.00", attribution={"userId": "gid://shopify/User/1"})
    (error,) = answer["errors"]
    assert "data" not in answer
    assert error["message"] == (
        "Variable $creditInput of type StoreCreditAccountCreditInput! was provided invalid value for attribution "
        "(Field is not defined on StoreCreditAccountCreditInput)"
    )
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    assert error["extensions"]["problems"][0]["path"] == ["attribution"]
    assert ada.accounts() == []


def test_a_note_is_not_known_before_2027(ada: Credited) -> None:
    assert ada.credit("1.00", note="why")["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"


def test_debits_eat_the_credit_that_expires_soonest(ada: Credited) -> None:
    for amount, expiry in (("5.00", LATER), ("3.00", FUTURE), ("2.00", None)):
        ada.credit(amount, **({"expiresAt": expiry} if expiry else {}))
    ada.debit("6.00")
    remaining = {entry["expiresAt"]: entry["remainingAmount"]["amount"] for entry in ada.entries(search="type:credit")}
    assert remaining == {LATER: "2.0", FUTURE: "0.0", None: "2.0"}


def test_expired_credit_leaves_with_an_entry_dated_when_it_fell_due(ada: Credited, shopper: Shopper) -> None:
    ada.credit("3.00", expiresAt=FUTURE)
    ada.credit("2.00")
    ada.debit("1.00")
    shopper.post("clock", advance_days=30_000)
    (account,) = ada.accounts()
    expiry = account["transactions"]["nodes"][-1]
    assert account["balance"]["amount"] == "2.0"
    assert expiry["__typename"] == "StoreCreditAccountExpirationTransaction"
    assert (expiry["amount"]["amount"], expiry["createdAt"]) == ("-2.0", FUTURE)
    assert "id" not in expiry


def test_transactions_can_be_searched_from_a_watermark(ada: Credited) -> None:
    ada.credit("1.00")
    watermark = ada.entries()[0]["id"].rsplit("/", 1)[1]
    ada.credit("2.00")
    ada.debit("0.50")
    amounts = [entry["amount"]["amount"] for entry in ada.entries(search=f"id:>{watermark}", reverse=True)]
    assert amounts == ["-0.5", "2.0"]
    assert [e["amount"]["amount"] for e in ada.entries(search=f"id:>{watermark} type:credit")] == ["2.0"]
    assert [e["amount"]["amount"] for e in ada.entries(search=f"expires_at:<'{FUTURE}'")] == []


def test_spending_at_the_checkout_is_a_payment_of_its_order_and_comes_back_with_the_refund(
    ada: Credited, shopper: Shopper
) -> None:
    ada.credit("20.00")
    order = shopper.order("15.00", store_credit="10.00")
    assert order["payment_gateway_names"] == ["shopify_store_credit", "bogus"]
    spent = ada.entries()[-1]
    assert (spent["amount"]["amount"], spent["event"]) == ("-10.0", "ORDER_PAYMENT")
    assert spent["origin"]["order"]["id"] == order["admin_graphql_api_id"]
    shopper.post(f"orders/{order['id']}/refund", lines=[{"index": 0, "quantity": 1}])
    back = ada.entries()[-1]
    assert (back["__typename"], back["amount"]["amount"], back["event"]) == (
        "StoreCreditAccountDebitRevertTransaction",
        "10.0",
        "ORDER_REFUND",
    )
    assert back["balanceAfterTransaction"]["amount"] == "20.0"


def test_all_credit_pays_at_most_the_order(ada: Credited, shopper: Shopper) -> None:
    ada.credit("20.00")
    assert shopper.order("15.00", store_credit=True)["payment_gateway_names"] == ["shopify_store_credit"]
    assert shopper.order("15.00", store_credit=True)["payment_gateway_names"] == ["shopify_store_credit", "bogus"]
    assert ada.accounts()[0]["balance"]["amount"] == "0.0"


def test_spending_without_an_order_has_an_origin_all_the_same(ada: Credited, shopper: Shopper) -> None:
    ada.credit("20.00")
    shopper.post(f"customers/{ada.number}/spend", amount="4.00")
    (account,) = shopper.get(f"customers/{ada.number}/store-credit")["accounts"]
    assert account["balance"] == "16.00"
    assert [(e["type"], e["amount"], e["event"]) for e in account["transactions"]] == [
        ("credit", "20.00", "ADJUSTMENT"),
        ("debit", "-4.00", "ORDER_PAYMENT"),
    ]
    assert ada.entries()[-1]["origin"]["order"] is None
    sentence = shopper.refusal(f"customers/{ada.number}/spend", {"amount": "16.01"})
    assert "16.00 USD of store credit" in sentence


def test_credit_can_pay_a_waiting_order(ada: Credited, shopper: Shopper) -> None:
    ada.credit("20.00")
    order = shopper.order("15.00", paid=False)
    shopper.post(f"customers/{ada.number}/spend", amount="5.00", order_id=order["id"])
    assert shopper.get(f"orders/{order['id']}")["order"]["financial_status"] == "partially_paid"
    shopper.post(f"customers/{ada.number}/spend", amount="10.00", order_id=order["id"])
    assert shopper.get(f"orders/{order['id']}")["order"]["financial_status"] == "paid"


def test_a_credit_costs_what_it_costs_at_shopify(ada: Credited) -> None:
    cost = ada.credit("1.00")["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (18, 18)
    cost = ada.credit("0.00")["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (18, 10)
    assert set(cost["throttleStatus"]) == {"maximumAvailable", "currentlyAvailable", "restoreRate"}


def test_a_refund_to_store_credit_is_a_credit_of_its_order(ada: Credited, shopper: Shopper) -> None:
    order = shopper.order("10.00")
    told = shopper.post(f"orders/{order['id']}/refund", amount="4.00", to_store_credit=True)["order"]["refunds"]
    assert [(made["gateway"], made["amount"]) for made in told[0]["transactions"]] == [("shopify_store_credit", "4.00")]
    (entry,) = ada.entries()
    assert (entry["__typename"], entry["event"]) == ("StoreCreditAccountCreditTransaction", "ORDER_REFUND")
    assert (entry["amount"]["amount"], entry["expiresAt"]) == ("4.0", None)
    assert entry["origin"]["order"]["id"] == order["admin_graphql_api_id"]
    guest = shopper.order("10.00", customer=None)
    sentence = shopper.refusal(f"orders/{guest['id']}/refund", {"amount": "4.00", "to_store_credit": True})
    assert "A guest has no store credit" in sentence


def test_spent_credit_comes_back_where_it_came_from_and_what_expired_since_expires_no_more(
    ada: Credited, shopper: Shopper
) -> None:
    ada.credit("3.00", expiresAt=FUTURE)
    ada.credit("5.00", expiresAt=LATER)
    order = shopper.order("6.00", store_credit=True)
    shopper.post(f"orders/{order['id']}/refund", amount="1.00")
    left = {entry["expiresAt"]: entry["remainingAmount"]["amount"] for entry in ada.entries(search="type:credit")}
    assert left == {FUTURE: "0.0", LATER: "3.0"}
    shopper.post("clock", advance_days=23_500)
    shopper.post(f"orders/{order['id']}/refund", amount="5.00")
    left = {entry["expiresAt"]: entry["remainingAmount"]["amount"] for entry in ada.entries(search="type:credit")}
    assert left == {FUTURE: "0.0", LATER: "5.0"}
    assert ada.accounts()[0]["balance"]["amount"] == "8.0"
    shopper.post("clock", advance_days=30_000)
    assert ada.accounts()[0]["balance"]["amount"] == "3.0"


def test_staff_give_and_take_by_hand(ada: Credited, shopper: Shopper) -> None:
    shopper.post(f"customers/{ada.number}/store-credit", credit="7.00", expires_at=FUTURE)
    shopper.post(f"customers/{ada.number}/store-credit", debit="2.00")
    assert [(e["amount"]["amount"], e["event"], e["origin"]) for e in ada.entries()] == [
        ("7.0", "ADJUSTMENT", None),
        ("-2.0", "ADJUSTMENT", None),
    ]
    address = f"customers/{ada.number}/store-credit"
    assert "Say what to do" in shopper.refusal(address, {})
    assert "Say what to do" in shopper.refusal(address, {"credit": "1.00", "debit": "1.00"})
    assert "sufficient funds" in shopper.refusal(address, {"debit": "5.01"})
    assert "in the future" in shopper.refusal(address, {"credit": "1.00", "expires_at": PAST})


def test_a_hidden_transaction_is_in_the_balance_only(ada: Credited, shopper: Shopper) -> None:
    entry = shopper.post(f"customers/{ada.number}/store-credit", credit="7.00")
    shopper.post(f"customers/{ada.number}/store-credit/{entry['id']}/hide")
    (account,) = ada.accounts()
    assert (account["balance"]["amount"], account["transactions"]["nodes"]) == ("7.0", [])
    assert "no store-credit transaction 5" in shopper.refusal(f"customers/{ada.number}/store-credit/5/hide", {})


def test_store_credit_can_be_switched_off_at_the_checkout(shopper: Shopper) -> None:
    asked = "{ storeCreditConfiguration { storeCreditEnabled } }"
    assert shopper.graphql(asked)["data"] == {"storeCreditConfiguration": {"storeCreditEnabled": True}}
    shopper.post("store-credit", enabled=False)
    assert shopper.graphql(asked)["data"] == {"storeCreditConfiguration": {"storeCreditEnabled": False}}
