"""Each shop by itself: the database shows a transaction that is bound to a shop that shop's rows only.

Row-level security holds the owner of the tables, too (FORCE), so that one plain role is all it takes; only
superusers and roles with BYPASSRLS pass it by. A transaction in which ``boomerang.shop_id`` is empty is bound to no
shop and sees them all. Foreign keys are checked without regard to it.

Revision: 0008, after 0007.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: A later migration calls it for each table it makes. The comparison is written as a function and the setting read in
#: a subquery on purpose: it is read once in a query, and the planner, which cannot look into either, takes two rows
#: in three for visible, however many shops there are. As an operator it would expect one shop's share of every
#: table, and choose its plans for that, also where all shops are looked at.
KEEP_TO_SHOP = """
    CREATE FUNCTION keep_to_shop(guarded regclass, which name DEFAULT 'shop_id') RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format(
            'CREATE POLICY of_one_shop ON %s USING (int8ne(%I, '
            '(SELECT NULLIF(current_setting(''boomerang.shop_id'', true), '''')::bigint)) IS NOT TRUE)',
            guarded, which);
    END $$
"""
EVERY_TABLE = """
    SELECT c.oid::regclass AS name, CASE c.relname WHEN 'shops' THEN 'id' ELSE 'shop_id' END AS which
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND c.relname <> 'alembic_version'
"""


def upgrade() -> None:
    """Put a policy on each table, and let what waits in the inbox be found shop by shop."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(KEEP_TO_SHOP)
    op.execute(f"SELECT keep_to_shop(name, which) FROM ({EVERY_TABLE}) found")  # noqa: S608 - both texts are above
    op.drop_index("ix_inbox_waiting", "inbox")
    op.create_index("ix_inbox_waiting", "inbox", ["shop_id", "id"], postgresql_where="state = 'received'")


def downgrade() -> None:
    """Take the policies away again."""
    op.drop_index("ix_inbox_waiting", "inbox")
    op.create_index("ix_inbox_waiting", "inbox", ["id"], postgresql_where="state = 'received'")
    op.execute(
        f"""
        DO $$
        DECLARE found record;
        BEGIN
            FOR found IN {EVERY_TABLE} LOOP
                EXECUTE format('DROP POLICY of_one_shop ON %s', found.name);
                EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', found.name);
                EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', found.name);
            END LOOP;
        END $$
        """
    )
    op.execute("DROP FUNCTION keep_to_shop")
