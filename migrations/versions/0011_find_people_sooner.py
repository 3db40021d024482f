"""Find customers by a tag and by what they owe without a look at all of them.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Row-level security lets no index of arrays be used, since their operators may leak; those of a text's equality do not.
KEEP_TAGS = """
    CREATE FUNCTION keep_customer_tags() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.tags IS NOT DISTINCT FROM OLD.tags THEN
                RETURN NULL;
            END IF;
            DELETE FROM customer_tags WHERE shop_id = NEW.shop_id AND customer_id = NEW.id;
        END IF;
        INSERT INTO customer_tags (shop_id, customer_id, tag_key)
            SELECT DISTINCT NEW.shop_id, NEW.id, lower(tag) FROM unnest(NEW.tags) AS tag;
        RETURN NULL;
    END $$
"""
OWED = sa.text("source = 'customer:owed' OR destination = 'customer:owed'")


def upgrade() -> None:
    """Add the table of tags, filled by the database itself, and let one index answer who owes how much."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "customer_tags",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("tag_key", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_tags_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_customer_tags_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_tags")),
        sa.UniqueConstraint(
            "shop_id", "tag_key", "customer_id", name=op.f("uq_customer_tags_shop_id_tag_key_customer_id")
        ),
    )
    op.create_index(op.f("ix_customer_tags_shop_id_customer_id"), "customer_tags", ["shop_id", "customer_id"])
    op.execute("SELECT keep_to_shop('customer_tags')")
    op.execute(KEEP_TAGS)
    op.execute(
        "CREATE TRIGGER keep_customer_tags AFTER INSERT OR UPDATE OF tags ON customers"
        " FOR EACH ROW EXECUTE FUNCTION keep_customer_tags()"
    )
    op.execute(
        "INSERT INTO customer_tags (shop_id, customer_id, tag_key)"
        " SELECT DISTINCT shop_id, id, lower(tag) FROM customers, unnest(tags) AS tag"
    )
    op.drop_index("ix_postings_owed", "postings")
    op.create_index(
        "ix_postings_owed",
        "postings",
        ["shop_id", "currency", "customer_id"],
        postgresql_include=["source", "destination", "amount_minor"],
        postgresql_where=OWED,
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_postings_owed", "postings")
    op.create_index("ix_postings_owed", "postings", ["shop_id", "customer_id"], postgresql_where=OWED)
    op.execute("DROP TRIGGER keep_customer_tags ON customers")
    op.execute("DROP FUNCTION keep_customer_tags")
    op.drop_table("customer_tags")
