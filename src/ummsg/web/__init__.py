"""The HTTP surface: what dashboards, mailbox providers and senders of events ask. It holds no rules."""
