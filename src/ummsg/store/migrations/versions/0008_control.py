"""The last results of each broadcast, by which it is paused when too much of it is refused, and its own bounds of
trying again."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    "ALTER TABLE broadcasts ADD COLUMN recent TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE broadcasts ADD COLUMN attempts INTEGER",
    "ALTER TABLE broadcasts ADD COLUMN retry_seconds INTEGER",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
