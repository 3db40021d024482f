"""Find the credits whose time is over, and all of a customer's, without walking through everybody's.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes, and note when the credits that are there end."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "ix_transfers_ending",
        "transfers",
        ["shop_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'confirmed' AND next_attempt_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_transfers_shop_id_customer_id_id"), "transfers", ["shop_id", "customer_id", "id"])
    op.execute(
        "UPDATE transfers SET next_attempt_at = expires_at "
        "WHERE kind = 'credit' AND state = 'confirmed' AND expires_at IS NOT NULL"
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_index(op.f("ix_transfers_shop_id_customer_id_id"), table_name="transfers")
    op.drop_index("ix_transfers_ending", table_name="transfers")
