"""The network that is connected, which ids rows have there, who is gone from it, and notices on their way to it."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = (
    """
    CREATE TABLE networks (
        id INTEGER NOT NULL,
        url TEXT NOT NULL,
        user TEXT NOT NULL,
        directory TEXT NOT NULL,
        connected_at DATETIME NOT NULL,
        synced_at DATETIME,
        listing TEXT,
        "after" INTEGER NOT NULL,
        dismissals_after INTEGER NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE network_ids (
        listing TEXT NOT NULL,
        network_id INTEGER NOT NULL,
        row_id INTEGER NOT NULL,
        missed BOOLEAN NOT NULL,
        PRIMARY KEY (listing, network_id, row_id)
    )
    """,
    """
    CREATE TABLE network_pages (
        listing TEXT NOT NULL,
        "after" INTEGER NOT NULL,
        digest TEXT NOT NULL,
        next INTEGER,
        PRIMARY KEY (listing, "after")
    )
    """,
    """
    CREATE TABLE gone_customers (
        customer_id INTEGER NOT NULL,
        since DATETIME NOT NULL,
        PRIMARY KEY (customer_id),
        FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE publications (
        notice_id INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        edition INTEGER NOT NULL,
        settled INTEGER NOT NULL,
        there BOOLEAN NOT NULL,
        attempts INTEGER NOT NULL,
        due_at DATETIME,
        claim_token TEXT,
        lease_until DATETIME,
        reply TEXT NOT NULL,
        PRIMARY KEY (notice_id),
        FOREIGN KEY(notice_id) REFERENCES broadcasts (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_publications_due ON publications (due_at)",
    "CREATE INDEX ix_network_ids_row ON network_ids (listing, row_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
