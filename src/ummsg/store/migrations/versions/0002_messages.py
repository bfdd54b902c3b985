"""Messages: broadcasts and their targets, the ledger of deliveries, dismissals, suppressions."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    CREATE TABLE suppressions (
        email_key TEXT NOT NULL PRIMARY KEY,
        email TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at DATETIME NOT NULL
    )
    """,
    """
    CREATE TABLE broadcasts (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        status TEXT NOT NULL,
        subject TEXT NOT NULL,
        content TEXT NOT NULL,
        content_format TEXT NOT NULL,
        html TEXT NOT NULL,
        notice_type TEXT NOT NULL,
        membership_statuses JSON NOT NULL,
        at DATETIME,
        not_after DATETIME,
        starts DATETIME,
        ends DATETIME,
        sender TEXT NOT NULL,
        reply_to TEXT NOT NULL,
        note TEXT NOT NULL,
        targeted INTEGER NOT NULL,
        frozen_through INTEGER NOT NULL,
        idempotency_key TEXT UNIQUE,
        digest TEXT NOT NULL,
        created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL
    )
    """,
    "CREATE INDEX ix_broadcasts_status ON broadcasts (status)",
    """
    CREATE TABLE broadcast_targets (
        broadcast_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        ref_id INTEGER NOT NULL,
        PRIMARY KEY (broadcast_id, kind, ref_id),
        FOREIGN KEY (broadcast_id) REFERENCES broadcasts (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_broadcast_targets_ref ON broadcast_targets (kind, ref_id)",
    """
    CREATE TABLE deliveries (
        id INTEGER NOT NULL PRIMARY KEY,
        broadcast_id INTEGER NOT NULL,
        customer_id INTEGER,
        email TEXT NOT NULL,
        email_key TEXT NOT NULL,
        status TEXT NOT NULL,
        message_id TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        due_at DATETIME,
        claim_token TEXT,
        lease_until DATETIME,
        reply TEXT NOT NULL,
        updated_at DATETIME NOT NULL,
        CONSTRAINT uq_deliveries_recipient UNIQUE (broadcast_id, email_key),
        FOREIGN KEY (broadcast_id) REFERENCES broadcasts (id),
        FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX ix_deliveries_status ON deliveries (broadcast_id, status, due_at)",
    "CREATE INDEX ix_deliveries_customer ON deliveries (customer_id)",
    """
    CREATE TABLE dismissals (
        broadcast_id INTEGER NOT NULL,
        customer_id INTEGER NOT NULL,
        dismissed_at DATETIME NOT NULL,
        PRIMARY KEY (broadcast_id, customer_id),
        FOREIGN KEY (broadcast_id) REFERENCES broadcasts (id) ON DELETE CASCADE,
        FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
