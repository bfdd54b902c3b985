"""A made-up network's customers, in any number, the same each time."""

import csv
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path

HEADER = ("id", "email", "name", "locale", "timezone", "country")
_SYLLABLES = (
    *("an", "be", "ka", "lo", "mi", "ra", "to", "ve", "shi", "el", "do", "ni", "sa", "ro", "ha"),
    *("ju", "li", "mar", "ter", "son", "ov", "ski", "ez", "a", "o", "ü", "é", "ñ", "ström"),
)
_LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES")
_TIMEZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
_BIG_DOMAINS = ("example.com", "example.org", "mail.example", "web.example.net", "bigprovider.example")


def write_customers(path: Path, rows: int) -> None:
    """A CSV file. Every other address has a word of its own (user123456), some names and domains are everywhere."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(_customers(rows))


def _customers(rows: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(7)
    first = [_word(chance, 2, 3) for _ in range(4_000)]
    last = [_word(chance, 2, 4) for _ in range(60_000)]
    domains = [*_BIG_DOMAINS, *(f"{_ascii(_word(chance, 2, 4))}.example" for _ in range(30_000))]
    for number in range(1, rows + 1):
        given = first[int(chance.paretovariate(0.7)) % len(first)]
        family = last[int(chance.paretovariate(0.3)) % len(last)]
        local = f"{_ascii(given)}.{_ascii(family)}{number}" if number % 2 else f"user{number}"
        domain = domains[int(chance.paretovariate(0.6)) % len(domains)]
        where = (chance.choice(_LOCALES), chance.choice(_TIMEZONES), chance.choice(("DE", "US", "FR")))
        yield (number, f"{local}@{domain}", f"{given} {family}", *where)


def _word(chance: random.Random, least: int, most: int) -> str:
    return "".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(least, most))).capitalize()


def _ascii(word: str) -> str:
    return unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
