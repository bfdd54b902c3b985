"""Emails that others wrote: what their HTML could do to readers is taken out, and said."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from html import unescape

from ummsg.domain.email import EmailDraft, EmailText
from ummsg.domain.message_text import CONTENT_MAXIMUM
from ummsg.mail.content import sanitise_email, to_html
from ummsg.mail.markdown import MAX_PROBLEMS
from ummsg.mail.sandbox import Refused, check
from ummsg.mail.tags import Masked, Tag, mask, plain
from ummsg.mail.tree import Element, Node, TooDeep, parse, write
from ummsg.mail.urls import is_dangerous
from ummsg.vocabulary import ContentFormat


@dataclass(frozen=True)
class Imported:
    """An email from elsewhere. `notes` say what was taken out of it or could not be taken over, for people."""

    draft: EmailDraft
    notes: tuple[str, ...] = ()


def harmless(draft: EmailDraft) -> Imported:
    """The email with its HTML without scripts, handlers, page styles, and links that lead nowhere in a mail.

    What cannot be read as a template is left as it is, to be refused by name later.
    """
    texts: dict[str, EmailText] = {}
    notes: list[str] = []
    for locale, text in draft.texts.items():
        texts[locale], left_out = _harmless(text)
        notes += [f"left out ({locale}): {message}" for message in left_out]
    return Imported(replace(draft, texts=texts), tuple(notes))


def _harmless(text: EmailText) -> tuple[EmailText, Collection[str]]:
    if text.content_format is not ContentFormat.HTML or len(text.content) > CONTENT_MAXIMUM:
        return text, ()
    content = plain(text.content)
    try:
        check(content)
        masked = mask(content)
        notes = dict.fromkeys(problem.message for problem in to_html(masked, ContentFormat.HTML)[1])
        notes |= dict.fromkeys(_bad_addresses(masked))
        html = _cleaned(masked, notes)
    except (Refused, TooDeep):
        return text, ()
    return replace(text, content=_unmasked(masked, html)), list(notes)[:MAX_PROBLEMS]


def _cleaned(masked: Masked, notes: dict[str, None]) -> str:
    """HTML with markers. Cleaning may bring to light what was hidden by being misplaced: until nothing changes."""
    html = masked.with_comments(_COMMENT.sub("", masked.text))
    for _ in range(_MOST_PASSES):
        tree = parse(sanitise_email(html, masked))
        tree.children = [kept for child in tree.children for kept in _pruned(child, masked, notes)]
        html, before = write(tree), html
        if html == before:
            break
    return html


def _bad_addresses(masked: Masked) -> Iterator[str]:
    """What the sanitiser leaves out without a word: addresses of schemes that mails do not use."""
    for found in _ADDRESS.finditer(masked.text):
        address = unescape(found[1].strip("\"'"))
        if not is_dangerous(address) and not masked.leads_somewhere(address):
            yield _leads_nowhere(masked, address)


def _leads_nowhere(masked: Masked, address: str) -> str:
    return f"the address {masked.readable(address)[:60]!r} leads nowhere in a mail"


_ADDRESS = re.compile(r"""<[a-z][^<>]*\s(?:href|src)\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+)""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_MOST_PASSES = 8


def _pruned(node: Node, masked: Masked, notes: dict[str, None]) -> list[Node]:
    """The node without what a mail cannot hold; of a link without an address the content, of a picture nothing."""
    if not isinstance(node, Element):
        return [node]
    for name, value in list(node.attributes.items()):
        if problem := _attribute_problem(name, value, masked):
            notes[problem] = None
            del node.attributes[name]
    node.children = [kept for child in node.children for kept in _pruned(child, masked, notes)]
    if node.tag == "a" and not node.attributes.keys() & {"href", "name"}:
        return node.children
    return [] if node.tag == "img" and "src" not in node.attributes else [node]


def _attribute_problem(name: str, value: str, masked: Masked) -> str:
    statements = [masked.tags[index] for index in masked.indices(value) if masked.tags[index].is_statement]
    if statements:
        return f"{statements[0]} cannot stand inside {name}="
    if name == "style" and masked.marker.search(value):
        return "a placeholder cannot stand in a style attribute"
    if name in ("href", "src") and not masked.leads_somewhere(value):
        return _leads_nowhere(masked, value)
    return ""


def _unmasked(masked: Masked, html: str) -> str:
    """With the tags as the author wrote them; braces that were no tags there are none here.

    A control character, which no content has, stands for the tags until the braces before them are known.
    """
    tags = re.compile(rf"(?:<!--)?{masked.marker.pattern}(?:-->)?")
    html = tags.sub(lambda found: "" if masked.tags[int(found[1])].keyword == "#" else f"\x01{found[1]}\x01", html)
    html = re.sub("\\{(?=[{%#\x01])", "{{ '{' }}", html)
    return re.sub("\x01(\\d+)\x01", lambda found: _source(masked.tags[int(found[1])]), html)


def _source(tag: Tag) -> str:
    return f"{{% {tag.code} %}}" if tag.is_statement else f"{{{{ {tag.code} }}}}"
