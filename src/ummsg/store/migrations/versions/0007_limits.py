"""Rate limits: which are kept, what was used of each, and the deliveries that wait for their domain's turn."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    CREATE TABLE limits_kept (
        scope TEXT NOT NULL,
        seconds INTEGER NOT NULL,
        PRIMARY KEY (scope, seconds)
    )
    """,
    """
    CREATE TABLE limit_uses (
        scope TEXT NOT NULL,
        seconds INTEGER NOT NULL,
        booked_at DATETIME NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (scope, seconds, booked_at)
    )
    """,
    """
    CREATE TABLE limit_holds (
        id INTEGER NOT NULL PRIMARY KEY,
        email TEXT NOT NULL,
        until DATETIME NOT NULL
    )
    """,
    "ALTER TABLE deliveries ADD COLUMN waits_for TEXT",
    """
    CREATE INDEX ix_deliveries_waiting ON deliveries (waits_for, broadcast_id, id)
    WHERE waits_for IS NOT NULL AND status = 'queued'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
