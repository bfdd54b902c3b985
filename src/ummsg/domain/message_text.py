"""What a subject and a content must be, whatever message they are of."""

from collections.abc import Iterator

from ummsg.errors import Problem

SUBJECT_MINIMUM = 2
SUBJECT_MAXIMUM = 255
CONTENT_MINIMUM = 3
CONTENT_MAXIMUM = 1024 * 1024
"""In characters. Receivers clip a mail long before (Gmail at 102 kB); more than this is a mistake."""


def text_problems(subject: str, content: str) -> Iterator[Problem]:
    """Everything wrong with them that can be told without a template engine."""
    length = len(subject.strip())
    if length < SUBJECT_MINIMUM:
        yield Problem("subject", f"needs at least {SUBJECT_MINIMUM} characters")
    if length > SUBJECT_MAXIMUM:
        yield Problem("subject", f"has {length} characters; {SUBJECT_MAXIMUM} fit")
    if control := next((c for c in subject if ord(c) < 32 or ord(c) == 127), None):
        named = "a line break" if control in "\r\n" else f"the control character U+{ord(control):04X}"
        yield Problem("subject", f"has {named}; it must be one line of text")
    if len(content.strip()) < CONTENT_MINIMUM:
        yield Problem("content", f"needs at least {CONTENT_MINIMUM} characters")
    if len(content.rstrip("\n")) > CONTENT_MAXIMUM:
        yield Problem("content", f"has {len(content):,} characters; {CONTENT_MAXIMUM:,} fit")
    if control := next((c for c in content if ord(c) < 32 and c not in "\t\n\r"), None):
        named = "a NUL byte" if control == "\0" else f"the control character U+{ord(control):04X}"
        yield Problem("content", f"has {named}; it is not text")
