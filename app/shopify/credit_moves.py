"""Credits and debits to be made in Shopify, several in one request; each has a fate of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.money import MoneyError, to_decimal_string
from app.engine.rules.states import TransferKind
from app.sentences import say
from app.shopify.documents import STORE_CREDIT_CREDIT, STORE_CREDIT_DEBIT, Document, compose
from app.shopify.errors import NoAnswer, NotExecuted
from app.shopify.gateway import Gateway, Parts, code_of
from app.shopify.nodes import unreadable
from app.shopify.store_credit import minor_of

#: Errors about one mutation by itself that certainly kept it from being executed.
_REFUSED_BEFORE = frozenset({"ACCESS_DENIED", "CURRENCY_CODE_INVALID"})

Json = dict[str, Any]


class MoveRefused(NotExecuted):
    """Shopify refused a credit or debit for a reason of its own (a user error); nothing was executed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(say("Shopify refused it: {message} ({code}).", message=message, code=code))
        self.code = code


class AnotherAmount(NoAnswer):
    """Shopify made the move, but not of the amount asked for; a person decides, for no read-back would ever find it."""

    def __init__(self, gid: str, made: str) -> None:
        super().__init__(
            say(
                "Shopify made {transaction} of {made}, which is not what was asked for. Compare with the account, then"
                " say that this one arrived, or that none did.",
                transaction=gid,
                made=made,
            )
        )


@dataclass(frozen=True, slots=True)
class Move:
    """One credit or debit to be made; ``target_gid`` is a customer's id, or an account's to be debited."""

    kind: TransferKind
    target_gid: str
    amount_minor: int
    currency: str
    expires_at: datetime | None = None
    note: str | None = None
    notify: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Shopify's answer to a credit or debit that was executed."""

    gid: str
    balance_after_minor: int


def send_moves(
    gateway: Gateway, moves: Sequence[Move], *, max_wait_seconds: float, before_send: Callable[[], None]
) -> list[Receipt | MoveRefused | NoAnswer]:
    """Make credits and debits in one request and return what came of each; nothing is ever sent twice.

    Raises another ShopifyError where that concerns them all: none was executed, or nobody knows about any.
    """
    documents: list[tuple[Document, int]] = []
    variables: Json = {}
    for number, move in enumerate(moves):
        documents.append((STORE_CREDIT_CREDIT if move.kind is TransferKind.CREDIT else STORE_CREDIT_DEBIT, number))
        variables |= {f"id_{number}": move.target_gid, f"input_{number}": _input(move)}
    parts = gateway.execute_parts(
        compose(tuple(documents)), variables, max_wait_seconds=max_wait_seconds, before_send=before_send
    )
    return [_outcome(parts, f"move_{number}", move) for number, move in enumerate(moves)]


def _input(move: Move) -> Json:
    is_credit = move.kind is TransferKind.CREDIT
    money = {"amount": to_decimal_string(move.amount_minor, move.currency), "currencyCode": move.currency}
    asked: Json = {"creditAmount" if is_credit else "debitAmount": money}
    if move.expires_at is not None:
        asked["expiresAt"] = f"{move.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if move.note is not None:
        asked["note"] = move.note
    if is_credit and move.notify:
        asked["notify"] = True
    return asked


def _outcome(parts: Parts, name: str, move: Move) -> Receipt | MoveRefused | NoAnswer:
    """Return what came of one move. Only a transaction proves that it was made, and only a refusal that it was not."""
    payload, errors = parts.data.get(name), parts.errors_of(name)
    if isinstance(payload, dict):
        try:
            return _receipt(payload, move)
        except (MoveRefused, NoAnswer) as outcome:
            return outcome
    at_itself = all(list(error.get("path") or ()) == [name] for error in errors)
    codes = {code_of(error) for error in errors}
    told = "; ".join(str(error.get("message", "")) for error in errors)[:500]
    if errors and at_itself and codes <= _REFUSED_BEFORE:
        return MoveRefused(sorted(codes)[0], told)
    if not told:
        return NoAnswer(say("Shopify's answer says nothing about the transaction."))
    return NoAnswer(say("Shopify's answer says nothing about the transaction. {told}", told=told))


def _receipt(payload: Json, move: Move) -> Receipt:
    signed_minor = move.amount_minor if move.kind is TransferKind.CREDIT else -move.amount_minor
    try:
        made = payload["storeCreditAccountTransaction"]
        if made is None:
            refusal = payload["userErrors"][0]
            raise MoveRefused(str(refusal["code"]), str(refusal["message"]))
        if not _is(made["amount"], signed_minor, move.currency):
            raise AnotherAmount(str(made["id"]), f"{made['amount']['amount']} {made['amount']['currencyCode']}")
        return Receipt(str(made["id"]), minor_of(made["balanceAfterTransaction"], move.currency))
    except (LookupError, TypeError, ValueError) as error:
        raise unreadable(error) from error


def _is(money: Json, minor: int, currency: str) -> bool:
    try:
        return minor_of(money, currency) == minor
    except MoneyError:
        return False
