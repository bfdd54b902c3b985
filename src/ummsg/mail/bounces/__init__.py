"""Mail that comes back: the mailboxes it lies in, and what it says."""
