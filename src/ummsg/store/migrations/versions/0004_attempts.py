"""The history of attempts, and what giving up counts from; what is known of earlier attempts is its beginning."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE attempts (
        id INTEGER NOT NULL PRIMARY KEY,
        delivery_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at DATETIME NOT NULL,
        status TEXT NOT NULL,
        reply TEXT NOT NULL,
        FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_attempts_delivery ON attempts (delivery_id)",
    "ALTER TABLE deliveries ADD COLUMN attempts_before INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE deliveries ADD COLUMN tried_since DATETIME",
    "UPDATE deliveries SET tried_since = updated_at WHERE status = 'deferred'",
    """
    INSERT INTO attempts (delivery_id, number, at, status, reply)
    SELECT id, attempts, updated_at, status, reply
    FROM deliveries
    WHERE status IN ('deferred', 'failed', 'unknown') OR (status = 'sent' AND attempts > 1)
    ORDER BY id
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
