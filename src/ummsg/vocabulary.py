"""The words of the contract as enums; nothing here imports anything heavy."""

from enum import StrEnum

LARGEST = 2**63 - 1
"""The largest number that the database holds."""


class MembershipStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    TRIALING = "trialing"
    ON_HOLD = "on-hold"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


COUNTING_STATUSES = (MembershipStatus.ACTIVE, MembershipStatus.TRIALING)
"""The memberships that a product target reaches unless the admin says otherwise."""


class EmailVerification(StrEnum):
    NONE = "none"
    PENDING = "pending"
    VERIFIED = "verified"


class ProductType(StrEnum):
    PLAN = "plan"
    PACKAGE = "package"
    SERVICE = "service"


class BroadcastType(StrEnum):
    NOTICE = "notice"
    EMAIL = "email"


class NoticeType(StrEnum):
    SUCCESS = "success"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class ContentFormat(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    TEXT = "text"


class TargetKind(StrEnum):
    CUSTOMER = "customer"
    PRODUCT = "product"
    EVERYONE = "everyone"


class BroadcastStatus(StrEnum):
    DRAFT = "draft"
    """Stored to be worked on; nobody gets it until it is sent."""
    SCHEDULED = "scheduled"
    """An email that waits for its time; its audience is resolved then."""
    FREEZING = "freezing"
    """Its audience is being written down; no delivery is visible yet."""
    QUEUED = "queued"
    """Its audience is frozen; the outbox works its deliveries down."""
    PAUSED = "paused"
    """Stopped, by an admin or by a preflight that refused; the reason is in its note."""
    FINISHED = "finished"
    """Every delivery is in a final state."""
    CANCELLED = "cancelled"
    """What had not been sent never will be."""
    PUBLISHED = "published"
    """A notice on dashboards, inside its window."""
    WITHDRAWN = "withdrawn"
    """A notice taken off every dashboard."""


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    """Claimed by a drain; counted as queued."""
    SENT = "sent"
    """The transport accepted it; not proof that it was delivered."""
    DEFERRED = "deferred"
    """Refused for now; tried again when it is due."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The connection died between the final dot and the reply: it may have been accepted."""
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


OPEN_STATUSES = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.DEFERRED)
"""The outbox: deliveries that are not in a final state."""


class EmailTarget(StrEnum):
    CUSTOMER = "customer"
    """The customer that the event is about."""
    ADMIN = "admin"
    """Each of the network's admins (UMMSG_ADMIN_EMAILS)."""


class EmailStyle(StrEnum):
    HTML = "html"
    """In the base layout, with a text part."""
    PLAIN = "plain"
    """The text part alone."""
    DEFAULT = "default"
    """As UMMSG_EMAIL_STYLE says."""


class EmailState(StrEnum):
    """Where a system email stands against its default; the first that holds, in this order."""

    MISSING = "missing"
    """There is a default, and it is not installed."""
    INACTIVE = "inactive"
    NO_DEFAULT = "no default"
    DEFAULT_CHANGED = "default changed"
    """A newer default exists under the copy, edited or not."""
    EDITED = "edited"
    AS_DEFAULT = "as default"


class OnConflict(StrEnum):
    """What becomes of an imported email where another of that slug is."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    COPY = "copy"
    """It is installed beside it, under another slug."""


class FieldType(StrEnum):
    """What a field of an event's payload holds. Text that can be read as the type will do."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    URL = "url"
    EMAIL = "email"


class NoticeState(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class TokenKind(StrEnum):
    """What a token is for, and who holds it."""

    NETWORK = "network"
    """A server of the network's: the notices of any customer."""
    CUSTOMER = "customer"
    """One customer's browser: their own notices, until it expires."""
    WEBHOOK = "webhook"
    """A sender of events that cannot sign: it is part of the address."""
    SIGNATURE = "signature"
    """A sender of events that signs them with it."""


class TokenState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ListFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    IDS = "ids"
    COUNT = "count"


class ExitCode:
    """The published exit codes (docs/automation.md)."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    NOT_ALL_REACHED = 3
    NOT_CONFIGURED = 4
    CANCELLED = 130
