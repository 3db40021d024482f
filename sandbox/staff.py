"""The made-up people who work in the sandbox's shops: whoever opens the app is one of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StaffMember:
    """One person, as an online access token tells them."""

    id: int
    first_name: str
    last_name: str
    email: str
    is_account_owner: bool = False

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first_name} {self.last_name}"

    def show(self) -> dict[str, object]:
        """Return the ``associated_user`` of an online access token."""
        return {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "email_verified": True,
            "account_owner": self.is_account_owner,
            "locale": "en",
            "collaborator": False,
        }


#: Those one can be in the sandbox's admin; the first is who comes unless another is chosen.
STAFF = (
    StaffMember(902541635, "Olivia", "Owner", "olivia.owner@example.com", is_account_owner=True),
    StaffMember(902541636, "Rita", "Reviewer", "rita.reviewer@example.com"),
    StaffMember(902541637, "Ali", "Accountant", "ali.accountant@example.com"),
)
DEFAULT_STAFF = STAFF[0].id
_BY_ID = {person.id: person for person in STAFF}


def get_staff(staff_id: int) -> StaffMember:
    """Return who has an id; with one nobody has, somebody to whom the store belongs."""
    return _BY_ID.get(staff_id) or StaffMember(staff_id, "Sam", "Staff", "staff@example.com", is_account_owner=True)
