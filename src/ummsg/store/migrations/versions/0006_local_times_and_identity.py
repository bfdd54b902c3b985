"""A local time and a planned audience for broadcasts, and which database this is."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    "ALTER TABLE broadcasts ADD COLUMN at_local DATETIME",
    "ALTER TABLE broadcasts ADD COLUMN planned_audience TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE identity (id TEXT NOT NULL PRIMARY KEY)",
    "INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
