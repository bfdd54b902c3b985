"""Email files: what is read, what is refused and how that is told, and that what is written can be read again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ummsg.domain.email import EmailDraft, EmailText
from ummsg.errors import InvalidDraft
from ummsg.mail.front_matter import HEAD_MAXIMUM, read_default, read_email, read_translation, write_email
from ummsg.vocabulary import ContentFormat, EmailStyle, EmailTarget

WHERE = "shop/receipt.md"
CONTENT = "Thank you, {{ customer_name }}.\n"
DEFAULT = {"slug": "receipt", "event": "payment_received", "target": "customer", "title": "Your receipt"}
TRANSLATION = {"slug": "receipt", "title": "Ditt kvitto"}
DRAFT = EmailDraft(
    slug="receipt",
    event="payment_received",
    target=EmailTarget.CUSTOMER,
    title="Your receipt",
    texts={"en": EmailText("We got {{ payment_total }}", CONTENT), "sv": EmailText("Tack", "Tack så mycket.")},
)
OTHER = EmailDraft(
    slug="receipt",
    event="another",
    target=EmailTarget.ADMIN,
    title="Another",
    texts={"sv": EmailText("Another", "Another", ContentFormat.HTML)},
    description="Another",
    style=EmailStyle.PLAIN,
    active=False,
    after=timedelta(days=9),
    sender="another@example.com",
    copy_to_admins=True,
)
"""A draft of which no value is like DRAFT's: what is equal after reading was read."""


def file(lines: dict[str, str] | str, content: str = CONTENT) -> str:
    head = lines if isinstance(lines, str) else "".join(f"{name}: {value}\n" for name, value in lines.items())
    return f"---\n{head}---\n{content}"


def problems(read: Callable[[], object]) -> list[str]:
    """Everything that is told, a line each."""
    with pytest.raises(InvalidDraft) as refused:
        read()
    return [str(problem) for problem in refused.value.problems]


def of_default(text: str) -> list[str]:
    return problems(lambda: read_default(text, WHERE))


def of_translation(text: str) -> list[str]:
    return problems(lambda: read_translation(text, WHERE))


def of_email(text: str) -> list[str]:
    return problems(lambda: read_email(text, DRAFT, "en"))


# What is read


def test_a_default_with_every_key() -> None:
    keys = {
        **DEFAULT,
        "subject": '"We got {{ payment_total }}"',
        "description": "For the customer, after a payment",
        "style": "plain",
        "format": "text",
        "after": "2h30m",
        "version": "3",
        "essential": "true",
    }

    draft, version, essential = read_default(file(keys), WHERE)

    assert draft == EmailDraft(
        slug="receipt",
        event="payment_received",
        target=EmailTarget.CUSTOMER,
        title="Your receipt",
        texts={"en": EmailText("We got {{ payment_total }}", CONTENT, ContentFormat.TEXT)},
        description="For the customer, after a payment",
        style=EmailStyle.PLAIN,
        after=timedelta(hours=2, minutes=30),
    )
    assert (version, essential) == (3, True)


def test_what_a_default_leaves_out_has_a_usual_value() -> None:
    draft, version, essential = read_default(file(DEFAULT), WHERE)

    assert draft.texts == {"en": EmailText("Your receipt", CONTENT, ContentFormat.MARKDOWN)}
    assert (draft.description, draft.style, draft.after) == ("", EmailStyle.DEFAULT, timedelta())
    assert (version, essential) == (1, False)


def test_a_translation_has_the_slug_of_its_default_and_a_text() -> None:
    keys = {**TRANSLATION, "subject": "'Vi fick {{ payment_total }}'", "format": "html"}
    text = EmailText("Vi fick {{ payment_total }}", "<p>Tack så mycket.</p>\n", ContentFormat.HTML)

    assert read_translation(file(keys, "<p>Tack så mycket.</p>"), WHERE) == ("receipt", text)


def test_the_title_of_a_translation_is_its_subject_when_it_has_none() -> None:
    assert read_translation(file(TRANSLATION), WHERE)[1].subject == "Ditt kvitto"


def test_empty_lines_around_the_content_of_a_default_are_left_out() -> None:
    draft, _, _ = read_default(file(DEFAULT, "\n\n  Good day,\n\nall.\n\n\n"), WHERE)
    assert draft.texts["en"].content == "  Good day,\n\nall.\n"


def test_a_line_of_dashes_in_the_content_ends_nothing() -> None:
    draft, _, _ = read_default(file(DEFAULT, "Above\n\n---\n\nBelow\n"), WHERE)
    assert draft.texts["en"].content == "Above\n\n---\n\nBelow\n"


@pytest.mark.parametrize(
    "text",
    [
        file(DEFAULT).replace("\n", "\r\n"),
        "\ufeff" + file(DEFAULT),
        "\ufeff" + file(DEFAULT).replace("\n", "\r\n"),
        file(DEFAULT).replace("---\n", "--- \t\n"),
    ],
    ids=["CRLF", "BOM", "both", "blanks after the dashes"],
)
def test_how_other_editors_save_makes_no_difference(text: str) -> None:
    assert read_default(text, WHERE) == read_default(file(DEFAULT), WHERE)


@pytest.mark.parametrize("title", ["2026-11-24", "2026-11-24 08:00:00", "2026-11-24T08:00:00Z"])
def test_a_title_like_a_date_stays_text(title: str) -> None:
    assert read_default(file({**DEFAULT, "title": title}), WHERE)[0].title == title


def test_no_delay_may_be_written_as_a_number() -> None:
    assert read_default(file({**DEFAULT, "after": "0"}), WHERE)[0].after == timedelta()


# What is refused


@pytest.mark.parametrize("read", [of_default, of_translation], ids=["default", "translation"])
@pytest.mark.parametrize(
    "text",
    ["", "Good day\n", "title: x\n---\nGood day", "---\ntitle: x\n", "\n---\ntitle: x\n---\nGood day", "---", "----\n"],
)
def test_without_a_head_it_says_what_a_head_is(read: Callable[[str], list[str]], text: str) -> None:
    (told,) = read(text)
    assert told == f"{WHERE}: the head is missing: it begins with a line --- and ends with another"


def test_the_head_of_an_edited_email_that_is_missing_is_told() -> None:
    (told,) = of_email("Good day\n")
    assert told.startswith("the file: the head is missing")


def test_a_head_that_is_too_long_is_told_with_how_much_fits() -> None:
    (told,) = of_default(file({**DEFAULT, "description": "x" * HEAD_MAXIMUM}))
    assert told.startswith(f"{WHERE}: the head has 16,")
    assert "16,384 fit" in told


@pytest.mark.parametrize("head", ["", "just words\n", "- slug\n- title\n", "4711\n", "# a comment\n"])
def test_a_head_that_holds_no_keys_is_told_with_an_example(head: str) -> None:
    assert of_default(file(head)) == [f"{WHERE}: the head must hold lines such as title: Your receipt"]


def test_a_head_that_is_no_yaml_is_told_with_its_line() -> None:
    (told,) = of_default(file({"slug": "receipt", "event": "a", "title": '"unfinished'}))
    assert told.startswith(f"{WHERE}: the head cannot be read in line ")

    (told,) = of_default(file("slug: receipt\n\ttitle: x\n"))
    assert told.startswith(f"{WHERE}: the head cannot be read in line 3: ")


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['true']",
        "!!map text",
        "!!seq text",
        "!!int text",
        "!!float text",
        "!!bool text",
        "!!timestamp text",
        "!!binary ü",
        "!mine text",
        "9" * 5000,
        "[" * 8000,
        "{a: " * 2000,
        "\0",
        "\x1b[31m",
        "@",
        "{{ payment_total }}",
        "[a, b]: c",
    ],
    ids=lambda value: value[:20],
)
def test_whatever_a_value_is_made_of_the_file_is_named(value: str) -> None:
    told = of_default(file({**DEFAULT, "description": value}))
    assert all(line.startswith(WHERE) for line in told)


def test_a_key_of_several_parts_is_told() -> None:
    (told,) = of_default(file("? [slug, title]\n: receipt\n"))
    assert told.startswith(f"{WHERE}: the head cannot be read in line 2: ")


def test_references_are_refused_before_they_grow() -> None:
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for letter, previous in zip("bcdefghij", "abcdefghi", strict=True):
        laughs += f"{letter}: &{letter} [{', '.join([f'*{previous}'] * 9)}]\n"

    (told,) = of_default(file(laughs))

    assert told == f"{WHERE}: the head cannot be read in line 3: references (*name) are not used here"


def test_a_single_reference_is_refused_too() -> None:
    (told,) = of_default(file({**DEFAULT, "title": "&name Your receipt", "description": "*name"}))
    assert "references (*name) are not used here" in told


@pytest.mark.parametrize("twice", ["title", "slug"])
def test_a_key_that_is_there_twice_is_told_with_its_line(twice: str) -> None:
    (told,) = of_default(file(DEFAULT).replace("---\nThank", f"{twice}: again\n---\nThank"))
    assert told.startswith(f"{WHERE}: the head cannot be read in line ")
    assert told.endswith(f"'{twice}' is there twice")


@pytest.mark.parametrize(
    ("read", "keys", "typed", "closest"),
    [
        (of_default, DEFAULT, "subjet", "subject"),
        (of_default, DEFAULT, "Style", "style"),
        (of_translation, TRANSLATION, "titel", "title"),
        (of_email, {}, "copy_to_admin", "copy_to_admins"),
    ],
)
def test_a_key_that_is_not_known_is_told_with_the_closest_one(
    read: Callable[[str], list[str]], keys: dict[str, str], typed: str, closest: str
) -> None:
    (told,) = read(file({**keys, typed: "x"}))
    assert told.endswith(f": {typed}: is not known; did you mean {closest}?")


@pytest.mark.parametrize("key", ["quite_another", "4711", "null", "true"])
def test_a_key_that_is_like_none_is_told_with_those_that_there_are(key: str) -> None:
    (told,) = of_default(file({**DEFAULT, key: "x"}))
    assert told.startswith(f"{WHERE}: ")
    assert all(known in told for known in (*DEFAULT, "subject", "version", "essential"))


@pytest.mark.parametrize("key", ["active", "sender", "copy_to_admins"])
def test_a_default_does_not_decide_for_the_operator(key: str) -> None:
    (told,) = of_default(file({**DEFAULT, key: "true"}))
    assert told.startswith(f"{WHERE}: {key}: is not known")


WRONG = [
    ("slug", "5"),
    ("slug", "[a, b]"),
    ("slug", "No Slug"),
    ("slug", "../../etc/passwd"),
    ("event", "12:30"),
    ("event", ""),
    ("target", "nobody"),
    ("target", "[customer, admin]"),
    ("target", ""),
    ("title", "2"),
    ("title", "yes"),
    ("title", '""'),
    ("title", '"two\\nlines"'),
    ("title", "x" * 256),
    ("subject", "1.5"),
    ("subject", "''"),
    ("subject", '"two\\nlines"'),
    ("subject", "y" * 256),
    ("description", "{a: b}"),
    ("style", "pretty"),
    ("style", "{html: plain}"),
    ("format", "rtf"),
    ("format", "7"),
    ("after", "soon"),
    ("after", "3"),
    ("after", "366d"),
    ("after", "[3d]"),
    ("version", "0"),
    ("version", "-1"),
    ("version", "true"),
    ("version", "'2'"),
    ("version", "1.0"),
    ("essential", "maybe"),
    ("essential", "1"),
    ("essential", "'true'"),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_value_that_will_not_do_in_a_default_is_told_with_its_key(key: str, value: str) -> None:
    (told,) = of_default(file({**DEFAULT, "subject": "Hello", key: value}))
    assert told.startswith(f"{WHERE}: {key}: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [("slug", "5"), ("title", "2"), ("title", ""), ("subject", "[a]"), ("subject", "''"), ("format", "rtf")],
)
def test_a_value_that_will_not_do_in_a_translation_is_told_with_its_key(key: str, value: str) -> None:
    (told,) = of_translation(file({**TRANSLATION, "subject": "Hej", key: value}))
    assert told.startswith(f"{WHERE}: {key}: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[wrong for wrong in WRONG if wrong[0] in ("event", "target", "style", "format")],
        ("title", "2"),
        ("subject", "no"),
        ("description", "3"),
        ("after", "soon"),
        ("active", "1"),
        ("active", "'yes'"),
        ("active", ""),
        ("sender", "5"),
        ("sender", ""),
        ("copy_to_admins", "perhaps"),
    ],
)
def test_a_value_that_will_not_do_in_an_edited_email_is_told_with_its_key(key: str, value: str) -> None:
    (told,) = of_email(file({key: value}))
    assert told.startswith(f"the file: {key}: ")


@pytest.mark.parametrize("content", ["", "\n\n", " \n\t\n"])
@pytest.mark.parametrize(
    ("read", "keys"), [(of_default, DEFAULT), (of_translation, TRANSLATION)], ids=["default", "translation"]
)
def test_a_file_that_says_nothing_is_refused(
    read: Callable[[str], list[str]], keys: dict[str, str], content: str
) -> None:
    (told,) = read(file(keys, content))
    assert told.startswith(f"{WHERE}: content: needs at least")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = of_default(file({"slug": "5", "event": "payment_received", "titel": "x", "target": "nobody"}))
    assert [line.removeprefix(f"{WHERE}: ").partition(":")[0] for line in told] == ["slug", "titel", "target", "title"]


@pytest.mark.parametrize("key", list(DEFAULT))
def test_a_key_that_a_default_needs_is_told_when_it_is_missing(key: str) -> None:
    keys = {name: value for name, value in DEFAULT.items() if name != key}
    assert of_default(file(keys)) == [f"{WHERE}: {key}: is missing"]


@pytest.mark.parametrize("key", list(TRANSLATION))
def test_a_key_that_a_translation_needs_is_told_when_it_is_missing(key: str) -> None:
    keys = {name: value for name, value in TRANSLATION.items() if name != key}
    assert of_translation(file(keys)) == [f"{WHERE}: {key}: is missing"]


@pytest.mark.parametrize("key", ["event", "target", "description", "style", "after", "version", "essential"])
def test_a_translation_cannot_carry_what_its_default_decides(key: str) -> None:
    told = of_translation(file({**TRANSLATION, key: "x"}))
    assert told == [f"{WHERE}: {key}: belongs in the file of the default, and not in its translation"]


# What an operator edits


def test_the_file_of_an_email_shows_every_setting_as_a_person_writes_it() -> None:
    draft = replace(DRAFT, after=timedelta(days=3), sender="Shop <shop@example.com>", active=False)

    assert write_email(draft, "en") == (
        "---\n"
        "slug: receipt\n"
        "event: payment_received\n"
        "target: customer\n"
        "title: Your receipt\n"
        "description: ''\n"
        "style: default\n"
        "active: false\n"
        "after: 3d\n"
        "sender: Shop <shop@example.com>\n"
        "copy_to_admins: false\n"
        "subject: We got {{ payment_total }}\n"
        "format: markdown\n"
        "---\n"
        "Thank you, {{ customer_name }}.\n"
    )


def test_what_is_edited_in_one_language_leaves_the_other_alone() -> None:
    edited = write_email(DRAFT, "sv").replace("subject: Tack", "subject: Hej").replace("mycket", "jättemycket")

    assert read_email(edited, DRAFT, "sv") == replace(
        DRAFT, texts={"en": DRAFT.texts["en"], "sv": EmailText("Hej", "Tack så jättemycket.")}
    )


@pytest.mark.parametrize(
    "key", [line.partition(":")[0] for line in write_email(OTHER, "sv").splitlines() if ": " in line]
)
def test_a_key_that_is_gone_leaves_its_value_as_it_was(key: str) -> None:
    lines = write_email(OTHER, "sv").splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith(f"{key}:"))

    assert len(without.splitlines()) == len(lines) - 1
    assert read_email(without, OTHER, "sv") == OTHER


def test_a_text_in_a_new_language_is_added() -> None:
    edited = read_email(file({"subject": "Kiitos"}, "Kiitos paljon."), DRAFT, "fi")
    assert edited.texts == {**DRAFT.texts, "fi": EmailText("Kiitos", "Kiitos paljon.")}


def test_the_slug_cannot_be_changed() -> None:
    (told,) = of_email(write_email(DRAFT, "en").replace("slug: receipt", "slug: invoice"))
    assert told == "the file: slug: stays receipt; make another email with ummsg emails new"


def lines() -> st.SearchStrategy[str]:
    """What an operator may type in a setting; NEL has a test of its own."""
    awkward = ["'", '"', ": ", " #", "{{ a }}", "---", "...", "|", "- x", "null", "yes", "1", "12:30", "2026-11-24"]
    awkward += ["&a", "*a", "!!x", "%x", "\u2028", "é", "🎉", "\t", " ", "\n", "\\", "`", "@", ">", "\ufeff"]
    return (
        st.lists(st.sampled_from(awkward) | st.text(max_size=5), max_size=6)
        .map("".join)
        .map(lambda text: text.replace("\x85", ""))
    )


def contents() -> st.SearchStrategy[str]:
    return lines().map(lambda text: text.replace("\r", ""))


DRAFTS = st.builds(
    EmailDraft,
    slug=st.just("receipt"),
    event=lines(),
    target=st.sampled_from(EmailTarget),
    title=lines(),
    texts=st.builds(EmailText, lines(), contents(), st.sampled_from(ContentFormat)).map(lambda text: {"sv": text}),
    description=lines(),
    style=st.sampled_from(EmailStyle),
    active=st.booleans(),
    after=st.integers(0, 365 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    sender=lines(),
    copy_to_admins=st.booleans(),
)


@given(draft=DRAFTS)
def test_what_is_written_is_read_again_as_it_was(draft: EmailDraft) -> None:
    assert read_email(write_email(draft, "sv"), OTHER, "sv") == draft


def test_a_line_break_of_other_machines_is_none_of_a_description() -> None:
    (problem,) = replace(DRAFT, description="one\x85two").problems()
    assert problem.field == "description"


@pytest.mark.parametrize(
    "content", ["\nGood day", "\n\n\nGood day", "Good day\n\n\n", "Good day", "---\nGood day", "  Good day", ""]
)
def test_no_line_of_the_content_is_lost_or_added(content: str) -> None:
    draft = DRAFT.with_text("en", EmailText("Hello", content))
    assert read_email(write_email(draft, "en"), DRAFT, "en") == draft
