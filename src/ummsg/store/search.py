"""Finding customers and products by the beginnings of words in them, without regard to case and accents.

Customers are found with FTS5, ordered by id: the first matches are read off the index and the rest is never looked
at. That needs every typed word to be found in one place: words of up to PREFIXES letters are (migration 0001 keeps an
index of the prefixes of each length). A longer one is replaced by the few words it can stand for; without that FTS5
would collect every row with any of them first, 0.1 s for a million rows with the same domain.
"""

import sqlite3
import unicodedata

from sqlalchemy import text
from sqlmodel import Session

from ummsg.store.driver import driver_of

PREFIXES = 8
COMPLETIONS = 32
"""Words that a longer word may stand for; with more, each of them is rare enough to be collected."""


MOST_WORDS = 16
"""Of what was typed; who pastes more is not looking for a name."""


def words_of(typed: str) -> list[str]:
    """The words of a text, cut where the index cuts names and addresses: at everything but letters and digits."""
    composed = unicodedata.normalize("NFC", typed)
    cut = "".join(c if unicodedata.category(c)[0] in "LN" else "" if _is_mark(c) else " " for c in composed)
    return list(dict.fromkeys(cut.split()))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def customer_ids(session: Session, words: list[str], limit: int | None) -> list[int]:
    """The first customers in whose name or address every word begins a word."""
    driver = driver_of(session)
    try:
        match = " AND ".join(_expression(driver, word) for word in words[:MOST_WORDS])
        found = driver.execute(
            "SELECT rowid FROM customers_fts WHERE customers_fts MATCH ? ORDER BY rowid LIMIT ?",
            (match, -1 if limit is None else limit),
        )
        return [row[0] for row in found]
    except sqlite3.OperationalError as error:
        if "detail" in str(error):  # the index cuts a letter of a newer Unicode out of a word: it holds no such word
            return []
        raise


def _expression(driver: sqlite3.Connection, word: str) -> str:
    prefix = f'"{word}" *'
    if len(word) <= PREFIXES or not word.isascii():
        return prefix
    completions = _completions(driver, word.lower())
    if len(completions) > COMPLETIONS:
        return prefix
    return "(" + " OR ".join(f'"{term}"' for term in completions) + ")" if completions else prefix


def _completions(driver: sqlite3.Connection, word: str) -> list[str]:
    """The indexed words that begin so, and one more than COMPLETIONS if there are; one short look-up for each."""
    driver.execute(_TERMS)
    found: list[str] = []
    after = word
    while len(found) <= COMPLETIONS:
        row = driver.execute("SELECT term FROM temp.customers_terms WHERE term >= ? LIMIT 1", (after,)).fetchone()
        if row is None or not row[0].startswith(word):
            break
        found.append(row[0])
        after = row[0] + "\x01"
    return found


_TERMS = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.customers_terms USING fts5vocab(main, customers_fts, instance)"


def product_ids(session: Session, words: list[str]) -> list[int]:
    """The products in whose name or slug every word begins a word. There are few: all are looked at."""
    wanted = [folded(word) for word in words]
    rows = session.connection().execute(text("SELECT id, slug, name FROM products"))
    return [product_id for product_id, slug, name in rows if _begin(wanted, words_of(f"{slug} {name}"))]


def _begin(wanted: list[str], words: list[str]) -> bool:
    there = [folded(word) for word in words]
    return all(any(word.startswith(beginning) for word in there) for beginning in wanted)


def folded(word: str) -> str:
    """A word without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not _is_mark(c))
