"""Reviewing a draft before the operator's eyes: how far the check has come, and how it was done."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ummsg.cli import views
from ummsg.cli.progress import Show, progress

if TYPE_CHECKING:
    from ummsg.domain.broadcast import BroadcastDraft
    from ummsg.services.broadcasts import Broadcasts, Review
    from ummsg.services.preflight import Proof

SHOWN_EVERY = 200
"""Messages made."""


def reviewed(broadcasts: "Broadcasts", draft: "BroadcastDraft", *, render_all: bool = False) -> "Review":
    """Raises as `Broadcasts.review`. Says so when everyone's message had to be made: that takes a while."""
    with _shown() as watch:
        review = broadcasts.review(draft, render_all=render_all, watch=watch)
    if review.proof is not None and review.proof.rendered >= SHOWN_EVERY:
        views.talk(how_it_was_proven(review.proof), "dim")
    return review


def how_it_was_proven(proof: "Proof") -> str:
    if proof.rendered == proof.recipients:
        why = f", because it works with {_listed(proof.weighed)}" if proof.weighed else ""
        return f"Checked by making all {proof.recipients:,} messages{why}."
    return f"Checked with {proof.rendered:,} messages: for the others the text comes out alike."


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    """What is soon done shows nothing."""
    with ExitStack() as stack:
        show: Show | None = None
        made = 0

        def watch(done: int, total: int) -> None:
            nonlocal show, made
            made += 1
            if made % SHOWN_EVERY:
                return
            if show is None:
                show = stack.enter_context(progress("Checking"))
            show(done, total, f"{done:,} of {total:,} recipients checked")

        yield watch


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
