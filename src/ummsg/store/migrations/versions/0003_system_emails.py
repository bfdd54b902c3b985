"""System emails: the installed ones, their earlier texts, the events, and deliveries that belong to these."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE emails (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        slug TEXT NOT NULL UNIQUE,
        event TEXT NOT NULL,
        target TEXT NOT NULL,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        style TEXT NOT NULL,
        active BOOLEAN NOT NULL,
        after_seconds INTEGER NOT NULL,
        sender TEXT NOT NULL,
        copy_to_admins BOOLEAN NOT NULL,
        texts JSON NOT NULL,
        base JSON,
        created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL
    )
    """,
    "CREATE INDEX ix_emails_event ON emails (event)",
    """
    CREATE TABLE email_versions (
        email_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        settings JSON NOT NULL,
        texts JSON NOT NULL,
        why TEXT NOT NULL,
        replaced_at DATETIME NOT NULL,
        PRIMARY KEY (email_id, number),
        FOREIGN KEY (email_id) REFERENCES emails (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE events (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        slug TEXT NOT NULL,
        payload JSON NOT NULL,
        dedupe_key TEXT,
        not_after DATETIME,
        fired_at DATETIME NOT NULL,
        CONSTRAINT uq_events_dedupe UNIQUE (slug, dedupe_key)
    )
    """,
    "CREATE INDEX ix_events_fired ON events (fired_at)",
    # A column cannot be made nullable in place: the ledger is copied, row by row, as it is.
    "ALTER TABLE deliveries RENAME TO deliveries_before",
    "DROP INDEX ix_deliveries_status",
    "DROP INDEX ix_deliveries_customer",
    """
    CREATE TABLE deliveries (
        id INTEGER NOT NULL PRIMARY KEY,
        broadcast_id INTEGER,
        event_id INTEGER,
        email_id INTEGER,
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
        FOREIGN KEY (event_id) REFERENCES events (id),
        FOREIGN KEY (email_id) REFERENCES emails (id),
        FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE SET NULL
    )
    """,
    """
    INSERT INTO deliveries (id, broadcast_id, customer_id, email, email_key, status, message_id, attempts, due_at,
                            claim_token, lease_until, reply, updated_at)
    SELECT id, broadcast_id, customer_id, email, email_key, status, message_id, attempts, due_at,
           claim_token, lease_until, reply, updated_at
    FROM deliveries_before ORDER BY id
    """,
    "DROP TABLE deliveries_before",
    "CREATE INDEX ix_deliveries_status ON deliveries (broadcast_id, status, due_at)",
    "CREATE INDEX ix_deliveries_customer ON deliveries (customer_id)",
    """
    CREATE UNIQUE INDEX uq_deliveries_event ON deliveries (event_id, email_id, email_key)
    WHERE broadcast_id IS NULL
    """,
    "CREATE INDEX ix_deliveries_system ON deliveries (status, due_at) WHERE broadcast_id IS NULL",
    "CREATE INDEX ix_deliveries_email ON deliveries (email_id, status, updated_at) WHERE broadcast_id IS NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
