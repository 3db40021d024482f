"""Find the credits whose time is over without walking through all of them.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "ix_transfers_ending",
        "transfers",
        ["shop_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'confirmed' AND next_attempt_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_index("ix_transfers_ending", table_name="transfers")
