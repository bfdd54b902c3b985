"""Reading the network into the directory: page after page, each a transaction, so that one that was stopped goes on.

Whoever is not in the part of a listing in which they should be is missed. What was missed counts as gone when
everything has been read, and not before: half a listing must not empty the directory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ummsg.domain.imported import Cells, Rejected
from ummsg.domain.network import Connected, KnownPage, Listing, NetworkStatus, Page
from ummsg.errors import InvalidInput
from ummsg.network.wordpress import WordPress
from ummsg.services.imports.block import Block
from ummsg.services.imports.customers import CustomerImport
from ummsg.services.imports.memberships import MembershipImport
from ummsg.services.imports.products import ProductImport
from ummsg.services.imports.run import Kind
from ummsg.services.making_way import make_way_for_customers, make_way_for_products
from ummsg.services.network import Network
from ummsg.services.publishing import Publishing
from ummsg.store.engine import Store, Transaction
from ummsg.store.gone import GONE_FROM_NETWORK

SHRINK_LIMIT = 0.1
"""The part of a listing that may be gone without anybody being asked."""

EXAMPLES = 10


@dataclass
class Synced:
    """What became of one listing."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    back: int = 0
    """Customers who had been gone."""
    rejected: int = 0
    examples: list[str] = field(default_factory=list)
    """The first that were rejected, and why."""

    @property
    def read(self) -> int:
        return self.new + self.changed + self.unchanged + self.rejected


@dataclass
class SyncReport:
    """How a sync ended. `went_on` is whether it began where an earlier one was stopped."""

    of: dict[Listing, Synced] = field(default_factory=lambda: {listing: Synced() for listing in Listing})
    went_on: bool = False
    repaired: list[int] = field(default_factory=list)
    """Notices of which the network held something else than it should."""


@dataclass(frozen=True)
class SyncProgress:
    listing: Listing
    read: int
    of: int


class WouldShrink(InvalidInput):
    """So much would be gone that it has to be said that it is meant; what was read is in the directory, as `report`
    says."""

    report: SyncReport


class NetworkSync:
    def __init__(self, store: Store, network: Network, publishing: Publishing, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._network = network
        self._publishing = publishing
        self._clock = clock

    def run(
        self,
        *,
        dry_run: bool = False,
        allow_shrink: bool = False,
        watch: Callable[[SyncProgress], None] = lambda progress: None,
    ) -> SyncReport:
        """Bring products, customers, memberships and dismissals into the directory.

        Raises WouldShrink, after everything was read, if more than a tenth of a listing would be gone and that is not
        allowed; and what the network raises. What was read by then stays, and the next one goes on there.
        """
        connected = self._network.connected()
        with closing(self._network.opened(connected)) as wordpress:
            status = wordpress.status()
            status.check(connected.url)
            _check_same(connected, status.directory)
            with self._store.rehearse() if dry_run else nullcontext() as rehearsal:
                run = _Run(self._store, rehearsal, wordpress, status, self._clock, watch, self._publishing.repair)
                return run.everything(allow_shrink=allow_shrink)


def _check_same(connected: Connected, directory: str) -> None:
    """Raises InvalidInput: with or without the plugin, the same number is somebody else."""
    if directory != connected.directory:
        raise InvalidInput(
            f"The customers of {connected.url} are kept by {directory} now, and were by {connected.directory}",
            details=["their numbers mean other people; nothing was changed. Connected anew, addresses tell who is who"],
            hint=f"ummsg network connect {connected.url} --user {connected.user}",
        )


class _Run:
    def __init__(
        self,
        store: Store,
        rehearsal: Transaction | None,
        wordpress: WordPress,
        status: NetworkStatus,
        clock: Callable[[], datetime],
        watch: Callable[[SyncProgress], None],
        repair: Callable[[WordPress], Sequence[int]],
    ) -> None:
        self._repair = repair
        self._store = store
        self._rehearsal = rehearsal
        self._wordpress = wordpress
        self._status = status
        self._clock = clock
        self._watch = watch
        self._report = SyncReport()
        self._kinds: dict[Listing, Kind] = {
            Listing.PRODUCTS: ProductImport(),
            Listing.CUSTOMERS: CustomerImport(),
            Listing.MEMBERSHIPS: MembershipImport(of_network=True),
        }

    def everything(self, *, allow_shrink: bool) -> SyncReport:
        with self._look() as tx:
            stood = tx.network.stands_at()
        self._report.went_on = stood is not None
        start, after = stood or (Listing.PRODUCTS, 0)
        for listing in list(Listing)[list(Listing).index(start) :]:
            self._read(listing, after)
            after = 0
        with self._transaction() as tx:
            gone = {listing: tx.network.missed(listing) for listing in Listing}
            refused = None if allow_shrink else _shrunk(gone, tx.network.numbers())
            if refused is None:
                self._let_go(tx, gone)
            tx.network.end_sync(self._clock())
        self._read_dismissals()
        if self._rehearsal is None:
            self._report.repaired = list(self._repair(self._wordpress))
        if refused is not None:
            refused.report = self._report
            raise refused
        return self._report

    def _transaction(self) -> AbstractContextManager[Transaction]:
        """One for everything in a rehearsal."""
        return self._store.begin() if self._rehearsal is None else nullcontext(self._rehearsal)

    def _look(self) -> AbstractContextManager[Transaction]:
        return self._store.read() if self._rehearsal is None else nullcontext(self._rehearsal)

    def _read(self, listing: Listing, after: int) -> None:
        following: int | None = after
        while following is not None:
            after = following
            with self._look() as tx:
                known = tx.network.known_page(listing, after)
                if known is not None and not tx.network.is_whole(listing, after, known.next):
                    known = None
            page = self._wordpress.page(listing, after, known.digest if known else "")
            with self._transaction() as tx:
                if page is not None:
                    following = page.next
                    self._store_page(tx, listing, after, page)
                elif known is not None:
                    following = known.next
                    self._pass_over(tx, listing, after, following)
                self._stand(tx, listing, following)
            self._watch(SyncProgress(listing, self._report.of[listing].read, self._status.numbers[listing]))

    def _stand(self, tx: Transaction, listing: Listing, following: int | None) -> None:
        if following is not None:
            tx.network.stand_at(listing, following)
            return
        later = list(Listing)[list(Listing).index(listing) + 1 :]
        tx.network.stand_at(later[0] if later else listing, 0 if later else _PAST_THE_END)

    def _store_page(self, tx: Transaction, listing: Listing, after: int, page: Page) -> None:
        kind, synced = self._kinds[listing], self._report.of[listing]
        block = _BLOCKS[listing](page.items)
        records = kind.records(block)
        if listing is Listing.CUSTOMERS:
            make_way_for_customers(tx, records)
        elif listing is Listing.PRODUCTS:
            make_way_for_products(tx, records)
        outcome = kind.apply(tx, records)
        kind.finish(tx)
        synced.new += outcome.inserted
        synced.changed += outcome.updated
        synced.unchanged += outcome.unchanged
        rejected = [*block.rejected, *outcome.rejected]
        synced.rejected += len(rejected)
        synced.examples += map(_described, rejected[: EXAMPLES - len(synced.examples)])
        all_good = not rejected and bool(page.digest)
        tx.network.note_page(listing, after, KnownPage(page.digest, page.next), good=all_good)
        present = self._note(tx, listing, page.items)
        tx.network.miss(listing, after, page.next, present)
        if listing is Listing.CUSTOMERS:
            synced.back += tx.gone.unmark(present)

    def _pass_over(self, tx: Transaction, listing: Listing, after: int, following: int | None) -> None:
        """A page that is what it was: its rows stand."""
        self._report.of[listing].unchanged += tx.network.number_between(listing, after, following)

    def _note(self, tx: Transaction, listing: Listing, items: Sequence[Mapping[str, Any]]) -> list[int]:
        """Which rows stand for these now."""
        by_external_id = {external_id: item["id"] for item in items for external_id in _external_ids(listing, item)}
        rows = tx.network.rows_called(listing, by_external_id)
        tx.network.note(listing, ((by_external_id[name], row) for name, row in rows.items()))
        return list(rows.values())

    def _let_go(self, tx: Transaction, gone: Mapping[Listing, list[int]]) -> None:
        now = self._clock()
        for listing, rows in gone.items():
            self._report.of[listing].gone = len(rows)
        tx.gone.mark(gone[Listing.CUSTOMERS], now)
        for customer_id in gone[Listing.CUSTOMERS]:
            tx.outbox.cancel_for_customer(customer_id, GONE_FROM_NETWORK, now)
        tx.memberships.delete(gone[Listing.MEMBERSHIPS])
        tx.products.deactivate(gone[Listing.PRODUCTS])
        for listing, rows in gone.items():
            tx.network.forget(listing, rows)

    def _read_dismissals(self) -> None:
        with self._look() as tx:
            after = tx.network.dismissals_after()
        # Where the network has lost them its numbers begin anew.
        following: int | None = 0 if after > self._status.last_dismissal else after
        while following is not None:
            page = self._wordpress.dismissals(following)
            following = page.next
            if not page.items:
                return
            with self._transaction() as tx:
                rows = tx.network.row_of(Listing.CUSTOMERS, {item["customer_id"] for item in page.items})
                tx.notices.note_dismissals(
                    (item["notice_id"], rows[item["customer_id"]], self._moment(item["dismissed_at"]))
                    for item in page.items
                    if item["customer_id"] in rows and self._is_of_this_edition(tx, item)
                )
                tx.network.dismissals_read(page.items[-1]["id"])

    def _is_of_this_edition(self, tx: Transaction, item: Mapping[str, Any]) -> bool:
        """What was closed before it was shown again is not closed."""
        publication = tx.publications.of(item["notice_id"])
        return publication is not None and publication.edition == item["edition"]

    def _moment(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            return self._clock()


_PAST_THE_END = (1 << 63) - 1


def _shrunk(gone: Mapping[Listing, list[int]], known: Mapping[Listing, int]) -> WouldShrink | None:
    for listing in (Listing.CUSTOMERS, Listing.MEMBERSHIPS):
        number, total = len(gone[listing]), known.get(listing, 0)
        if number > total * SHRINK_LIMIT:
            return WouldShrink(
                f"{number:,} of {total:,} {listing} would be gone, more than a tenth",
                details=["everything else is in the directory; nobody was marked as gone"],
                hint="look at the network; if that is right: ummsg network sync --allow-shrink",
            )
    return None


def _external_ids(listing: Listing, item: Mapping[str, Any]) -> list[str]:
    """What its rows are called here."""
    return list(_tied(item)) if listing is Listing.MEMBERSHIPS else [str(item["id"])]


def _tied(item: Mapping[str, Any]) -> dict[str, int]:
    """The products of a membership, each by what the row is called that ties it to the customer: one for the plan, and
    one for each add-on."""
    plan = {str(item["id"]): item["plan_id"]} if item["plan_id"] else {}
    return plan | {f"{item['id']}:{product}": product for product in item["addons"]}


def _described(rejected: Rejected) -> str:
    return f"{rejected.row.line}: {rejected.reason}"


def _block(columns: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]]) -> Block:
    block = Block(columns)
    block.rows = [Cells(number, ["" if cell is None else str(cell) for cell in cells]) for number, cells in rows]
    return block


def _of_products(items: Sequence[Mapping[str, Any]]) -> Block:
    columns = ("id", "slug", "name", "type", "active")
    return _block(columns, ((item["id"], [item.get(name) for name in columns]) for item in items))


def _of_customers(items: Sequence[Mapping[str, Any]]) -> Block:
    columns = ("id", "email", "name", "locale", "registered_at", "email_verification")
    on_one_line = ({**item, "name": " ".join(item["name"].split())} for item in items)
    return _block(columns, ((item["id"], [item.get(name) for name in columns]) for item in on_one_line))


def _of_memberships(items: Sequence[Mapping[str, Any]]) -> Block:
    columns = ("id", "customer", "product", "status", "starts", "expires")
    block = _block(
        columns,
        (
            (item["id"], [name, item["customer_id"], product, item["status"], item["starts_at"], item["expires_at"]])
            for item in items
            for name, product in _tied(item).items()
        ),
    )
    unreadable = [item["id"] for item in items if not item["readable"]]
    block.rejected = [Rejected(Cells(number, []), "its add-on products cannot be read") for number in unreadable]
    return block


_BLOCKS = {
    Listing.PRODUCTS: _of_products,
    Listing.CUSTOMERS: _of_customers,
    Listing.MEMBERSHIPS: _of_memberships,
}
