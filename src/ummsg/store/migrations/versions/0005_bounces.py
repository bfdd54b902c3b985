"""Bounces that were dealt with, and the addresses that they, or refusals, say do not exist."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
    CREATE TABLE suppression_proposals (
        email_key TEXT NOT NULL PRIMARY KEY,
        email TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at DATETIME NOT NULL
    )
    """,
    """
    CREATE TABLE bounces (
        digest TEXT NOT NULL PRIMARY KEY,
        delivery_id INTEGER,
        verdict TEXT NOT NULL,
        reply TEXT NOT NULL,
        noted_at DATETIME NOT NULL,
        FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX ix_bounces_delivery ON bounces (delivery_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
