"""A sample network: a few hundred customers with names from many places, on four products. Always the same."""

import csv
import io
import random
from collections.abc import Iterable

CUSTOMERS = 300

PRODUCTS = (
    ("1", "starter", "Starter", "plan"),
    ("2", "pro", "Pro", "plan"),
    ("3", "agency", "Agency", "plan"),
    ("4", "extra-storage", "Extra storage", "package"),
)

FIRST = (
    *("Anna", "Björn", "Chloé", "Dávid", "Elif", "Farah", "Giulia", "Håkan", "Inés", "Jürgen", "Kaito", "Łukasz"),
    *("Mária", "Noor", "Óscar", "Paweł", "Quynh", "Renée", "Søren", "Tomáš", "Ulrika", "Vânia", "Wiremu", "Zoë"),
)
LAST = (
    *("Björk", "Carlsson", "Dubois", "Eriksen", "Fernández", "García", "Hofmann", "Işık", "Jónsdóttir", "Kowalski"),
    *("Lindqvist", "Müller", "Novák", "O'Brien", "Pérez", "Rossi", "Sjöberg", "Tanaka", "Öberg", "Wójcik"),
)
PLACES = (
    ("Gothenburg", "sv", "Europe/Stockholm"),
    ("Dublin", "en", "Europe/Dublin"),
    ("Lisbon", "pt", "Europe/Lisbon"),
    ("Osaka", "ja", "Asia/Tokyo"),
    ("Lyon", "fr", "Europe/Paris"),
    ("", "en", ""),
)


def products_csv() -> str:
    return _csv(("id", "slug", "name", "type"), PRODUCTS)


def customers_csv() -> str:
    """Customers as a network would export them: with a city that not everybody gave."""
    return _csv(("id", "email", "name", "locale", "timezone", "city", "products"), _customers())


def address_on(product: str) -> str:
    """The first customer who is on this product."""
    return next(row[1] for row in _customers() if product in row[-1].split(";"))


def _customers() -> list[tuple[str, ...]]:
    chance = random.Random(2026)
    return [_customer(number, chance) for number in range(1, CUSTOMERS + 1)]


def _customer(number: int, chance: random.Random) -> tuple[str, ...]:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    city, locale, timezone = chance.choice(PLACES)
    plan = chance.choice(("starter", "starter", "pro", "pro", "agency", "pro:expired"))
    products = f"{plan};extra-storage" if chance.random() < 0.2 else plan
    return (str(number), f"customer{number}@example.com", f"{first} {last}", locale, timezone, city, products)


def _csv(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
