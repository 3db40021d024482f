"""An order keeps the tags its customer had when it was first decided.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("orders", sa.Column("customer_tags", postgresql.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("orders", "customer_tags")
