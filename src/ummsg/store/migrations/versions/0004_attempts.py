"""Attempts: what became of each try of a delivery."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE attempts (
        delivery_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at DATETIME NOT NULL,
        status TEXT NOT NULL,
        reply TEXT NOT NULL,
        PRIMARY KEY (delivery_id, number),
        FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
