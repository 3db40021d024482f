"""Who may do what: four roles, each with all that the one below it may, and a limit of its own for approvals."""

from dataclasses import dataclass
from enum import StrEnum

from app.sentences import marked


class Role(StrEnum):
    """What a member of staff is here for, least first."""

    VIEWER = "viewer"
    APPROVER = "approver"
    MANAGER = "manager"
    OWNER = "owner"


#: How each is called.
ROLE_WORDS = {
    Role.VIEWER: marked("viewer"),
    Role.APPROVER: marked("approver"),
    Role.MANAGER: marked("manager"),
    Role.OWNER: marked("owner"),
}


class Duty(StrEnum):
    """A kind of deed."""

    #: See every page, and set one's own language.
    LOOK = "look"
    #: Approve, reject, hold and adjust rewards, within the own limit.
    DECIDE = "decide"
    #: Change the programme: terms, tiers, credit by hand, imports, transfers in doubt.
    MANAGE = "manage"
    #: Say who may do what.
    OWN = "own"


_LEAST = {Duty.LOOK: Role.VIEWER, Duty.DECIDE: Role.APPROVER, Duty.MANAGE: Role.MANAGER, Duty.OWN: Role.OWNER}
_RANKS = {role: rank for rank, role in enumerate(Role)}


def may(role: Role, duty: Duty) -> bool:
    """Return whether a role carries a duty."""
    return _RANKS[role] >= _RANKS[_LEAST[duty]]


def least_role(duty: Duty) -> Role:
    """Return the lowest role that carries a duty."""
    return _LEAST[duty]


def is_within(role: Role, limit_minor: int | None, amount_minor: int) -> bool:
    """Return whether somebody may approve an amount, in minor units; a limit binds approvers only."""
    return role is not Role.APPROVER or limit_minor is None or amount_minor <= limit_minor


@dataclass(frozen=True, slots=True)
class StaffTold:
    """What Shopify tells about a member of staff."""

    name: str | None
    email: str | None
    #: The store belongs to them.
    is_account_owner: bool = False
