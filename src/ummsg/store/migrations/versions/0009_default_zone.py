"""Whose time `--at-local` is for customers without a zone: it was that of whichever process sent it."""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    "ALTER TABLE broadcasts ADD COLUMN default_zone TEXT NOT NULL DEFAULT ''",
    "UPDATE broadcasts SET default_zone = 'UTC' WHERE at_local IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
