"""The events of a multisite network, with the payloads that Ultimate Multisite sends.

Required is only what an event makes no sense without; the plugin sends the others too, empty where it has nothing.
"""

from dataclasses import replace

from ummsg.domain.event import EventKind, PayloadField, Scalar
from ummsg.vocabulary import FieldType

Fields = tuple[PayloadField, ...]

_INTEGER, _NUMBER, _BOOLEAN = FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN
_DATETIME, _URL, _EMAIL = FieldType.DATETIME, FieldType.URL, FieldType.EMAIL


def _field(name: str, example: Scalar, description: str, type: FieldType = FieldType.TEXT) -> PayloadField:
    return PayloadField(name, type, example, description=description)


def _requiring(fields: Fields, *names: str) -> Fields:
    return tuple(replace(field, required=True) if field.name in names else field for field in fields)


_PAYMENT: Fields = (
    _field("payment_id", 4711, "Its number on the network", _INTEGER),
    _field("payment_status", "completed", "completed, pending, failed, refunded…"),
    _field("payment_reference_code", "PAY-4711", "What the customer may quote"),
    _field("payment_subtotal", "€24.00", "Before tax, as it is shown"),
    _field("payment_subtotal_raw", 24.0, "Before tax, as a number", _NUMBER),
    _field("payment_tax_total", "€6.00", "The tax, as it is shown"),
    _field("payment_tax_total_raw", 6.0, "The tax, as a number", _NUMBER),
    _field("payment_total", "€30.00", "The sum, as it is shown"),
    _field("payment_total_raw", 30.0, "The sum, as a number", _NUMBER),
    _field("payment_currency", "EUR", "The currency's code"),
    _field("payment_product_names", "Pro, Extra storage", "What was bought"),
    _field("payment_date_created", "2026-11-24 08:00:00", "When it was made", _DATETIME),
    _field("payment_gateway", "Stripe", "Who handles the payment"),
    _field("payment_invoice_url", "https://example.com/invoice/4711", "The invoice", _URL),
    _field("payment_manage_url", "https://example.com/wp-admin/network/payment/4711", "For admins", _URL),
)
_MEMBERSHIP: Fields = (
    _field("membership_id", 815, "Its number on the network", _INTEGER),
    _field("membership_status", "active", "pending, active, trialing, on-hold, expired or cancelled"),
    _field("membership_reference_code", "MEM-815", "What the customer may quote"),
    _field("membership_initial_amount", "€30.00", "The first payment, as it is shown"),
    _field("membership_initial_amount_raw", 30.0, "The first payment, as a number", _NUMBER),
    _field("membership_amount", "€30.00", "Each later payment, as it is shown"),
    _field("membership_amount_raw", 30.0, "Each later payment, as a number", _NUMBER),
    _field("membership_currency", "EUR", "The currency's code"),
    _field("membership_description", "€30.00 every month", "The price in words"),
    _field("membership_gateway", "Stripe", "Who handles its payments"),
    _field("membership_date_expiration", "2026-12-24 08:00:00", "Paid until", _DATETIME),
    _field("membership_manage_url", "https://example.com/wp-admin/network/membership/815", "For admins", _URL),
)
_CUSTOMER: Fields = (
    _field("customer_id", 17, "Their number on the network", _INTEGER),
    _field("customer_name", "Anna Björk", "What messages call them"),
    _field("customer_user_id", 42, "Their number as a WordPress user", _INTEGER),
    _field("customer_user_email", "anna@example.com", "Where mail to them goes", _EMAIL),
    _field("customer_email_verification", "verified", "none, pending or verified"),
    _field("customer_avatar", "https://example.com/avatar/42.png", "Their picture"),
    _field("customer_billing_address", "Storgatan 1, 222 22 Lund", "For the invoice"),
    _field("customer_manage_url", "https://example.com/wp-admin/network/customer/17", "For admins", _URL),
)
_SITE: Fields = (
    _field("site_id", 12, "Its number on the network", _INTEGER),
    _field("site_title", "Anna's Bakery", "Its name"),
    _field("site_description", "Bread and buns in Lund", "Its tagline"),
    _field("site_url", "https://bakery.example.com", "Where it is", _URL),
    _field("site_admin_url", "https://bakery.example.com/wp-admin", "Its dashboard", _URL),
    _field("site_manage_url", "https://example.com/wp-admin/network/site/12", "For admins", _URL),
)
_DOMAIN: Fields = (
    _field("domain_id", 5, "Its number on the network", _INTEGER),
    _field("domain_domain", "bakery.example", "The domain's name"),
    _field("domain_site_id", 12, "The site that it leads to", _INTEGER),
    _field("domain_stage", "checking-dns", "How far its setting up has come"),
    _field("domain_active", True, "Whether it works", _BOOLEAN),
    _field("domain_primary", True, "Whether it is the site's main one", _BOOLEAN),
    _field("domain_secure", False, "Whether it has a certificate", _BOOLEAN),
    _field("domain_date_created", "2026-11-24 08:00:00", "When it was added", _DATETIME),
    _field("domain_manage_url", "https://example.com/wp-admin/network/domain/5", "For admins", _URL),
)
_POST: Fields = (
    _field("post_id", 101, "Its number on the site", _INTEGER),
    _field("post_title", "We bake on Sundays", "Its title"),
    _field("post_type", "post", "post, page or a type of the site's own"),
    _field("post_status", "publish", "publish, draft, pending…"),
    _field("post_author_id", 42, "Who wrote it, as a WordPress user", _INTEGER),
)

NETWORK_EVENTS: tuple[EventKind, ...] = (
    EventKind(
        "payment_received",
        "A payment came in.",
        _requiring((*_PAYMENT, *_MEMBERSHIP, *_CUSTOMER), "payment_id", "payment_total"),
    ),
    EventKind(
        "site_published",
        "A customer's site was created and can be reached.",
        _requiring((*_SITE, *_CUSTOMER, *_MEMBERSHIP), "site_id", "site_url"),
    ),
    EventKind(
        "confirm_email_address",
        "A customer has to confirm their email address.",
        _requiring(
            (_field("verification_link", "https://example.com/?confirm=abc", "To be opened by them", _URL), *_CUSTOMER),
            *("verification_link", "customer_user_email"),
        ),
    ),
    EventKind(
        "domain_created",
        "A domain was added to a site.",
        _requiring((*_DOMAIN, *_SITE, *_MEMBERSHIP, *_CUSTOMER), "domain_id", "domain_domain"),
    ),
    EventKind(
        "renewal_payment_created",
        "A membership is to be renewed, and its payment waits.",
        _requiring(
            (
                _field("default_payment_url", "https://example.com/pay/4711", "Where it can be paid", _URL),
                *(*_PAYMENT, *_MEMBERSHIP, *_CUSTOMER),
            ),
            *("payment_id", "payment_total"),
        ),
    ),
    EventKind(
        "invoice_sent",
        "An admin sent an invoice.",
        _requiring(
            (
                _field("payment_url", "https://example.com/pay/4711", "Where it can be paid", _URL),
                _field("invoice_message", "Thank you for your patience.", "What the admin wrote to it"),
                *(*_PAYMENT, *_CUSTOMER),
            ),
            *("payment_id", "payment_total"),
        ),
    ),
    EventKind(
        "payment_failed",
        "A recurring payment did not go through.",
        _requiring(
            (*_MEMBERSHIP, *_CUSTOMER, _field("payment_gateway", "Stripe", "Who handled the payment")), "membership_id"
        ),
    ),
    EventKind("membership_expired", "A membership ran out.", _requiring((*_MEMBERSHIP, *_CUSTOMER), "membership_id")),
    EventKind(
        "demo_site_expiring",
        "A demo site will soon be deleted.",
        _requiring(
            (
                *(*_SITE, *_MEMBERSHIP, *_CUSTOMER),
                _field("demo_expires_at", "2026-11-27 08:00:00", "When it will be deleted", _DATETIME),
                _field("demo_time_remaining", "3 days", "How long that is from now"),
            ),
            *("site_id", "site_url"),
        ),
    ),
    EventKind(
        "checkout_started",
        "Somebody opened a checkout form.",
        _requiring(
            (
                _field("form_slug", "main-form", "Which form"),
                _field("user_id", 42, "The WordPress user, 0 for a visitor", _INTEGER),
                _field("ip_address", "203.0.113.7", "Where from"),
                _field("referrer", "https://example.com/pricing", "The page before"),
            ),
            "form_slug",
        ),
    ),
    EventKind(
        "checkout_step_completed",
        "A step of a checkout is done.",
        (
            *(*_MEMBERSHIP, *_CUSTOMER),
            _field("cart_type", "new", "new, renewal, upgrade, downgrade or addon"),
            _field("is_free", False, "Whether there is nothing to pay", _BOOLEAN),
        ),
    ),
    EventKind(
        "checkout_completed",
        "A checkout is done.",
        (
            *(*_PAYMENT, *_MEMBERSHIP, *_CUSTOMER),
            _field("cart_type", "new", "new, renewal, upgrade, downgrade or addon"),
            _field("gateway", "stripe", "Who handles the payment"),
            _field("is_free", False, "Whether there is nothing to pay", _BOOLEAN),
        ),
    ),
    EventKind(
        "checkout_failed",
        "A checkout ended with an error.",
        (
            _field("error_codes", "card_declined", "What went wrong, for programs"),
            _field("error_messages", "The card was declined.", "What went wrong, in words"),
            _field("user_id", 42, "The WordPress user, 0 for a visitor", _INTEGER),
        ),
    ),
    EventKind(
        "subsite_post_created",
        "A post was written on a customer's site.",
        _requiring((*_POST, *_SITE, *_MEMBERSHIP), "post_id", "site_id"),
    ),
    EventKind(
        "subsite_cpt_created",
        "An entry of a custom type was made on a customer's site.",
        _requiring((*_POST, *_SITE, *_MEMBERSHIP), "post_id", "post_type", "site_id"),
    ),
    EventKind(
        "subsite_user_registered",
        "A user registered on a customer's site.",
        _requiring(
            (
                _field("new_user_id", 77, "Their number as a WordPress user", _INTEGER),
                _field("new_user_login", "bo", "Their user name"),
                _field("new_user_email", "bo@example.com", "Their address", _EMAIL),
                _field("new_user_role", "subscriber", "What they may do"),
                *(*_SITE, *_MEMBERSHIP),
            ),
            *("new_user_id", "site_id"),
        ),
    ),
    EventKind(
        "subsite_woocommerce_order",
        "Something was ordered in a customer's shop.",
        _requiring(
            (
                _field("order_id", 2001, "Its number in the shop", _INTEGER),
                _field("order_total", "€12.00", "The sum, as it is shown"),
                _field("order_status", "processing", "pending, processing, completed…"),
                _field("order_items", "2 × rye bread", "What was ordered"),
                *(*_SITE, *_MEMBERSHIP),
            ),
            *("order_id", "site_id"),
        ),
    ),
)
