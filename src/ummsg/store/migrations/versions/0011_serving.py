"""What is served: tokens, and live notices found by whom they are for."""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = (
    """
    CREATE TABLE tokens (
        id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        kind TEXT NOT NULL,
        kept TEXT NOT NULL,
        customer_id INTEGER,
        note TEXT NOT NULL,
        created_at DATETIME NOT NULL,
        expires_at DATETIME,
        revoked_at DATETIME,
        FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_events_dedupe ON events (dedupe_key) WHERE dedupe_key IS NOT NULL",
    "CREATE INDEX ix_tokens_customer ON tokens (customer_id)",
    "CREATE INDEX ix_tokens_expires ON tokens (expires_at)",
    "ALTER TABLE broadcast_targets ADD COLUMN live_until DATETIME",
    """
    UPDATE broadcast_targets SET live_until = (
        SELECT coalesce(ends, '9999-12-31 00:00:00.000000') FROM broadcasts
        WHERE id = broadcast_id AND type = 'notice' AND status = 'published'
    )
    """,
    """
    CREATE INDEX ix_broadcast_targets_live ON broadcast_targets (kind, ref_id, live_until, broadcast_id)
        WHERE live_until IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
