"""The language of placeholders: an allow-list over Jinja2's syntax tree, and the environments to read and run it in.

`check` refuses everything that is not listed here; `program.py` runs what passed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ummsg.mail import filters, values

MAX_DEPTH = 12
"""Statements within statements."""
MAX_TAGS = 5_000

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What no message can carry: control characters and lone surrogates."""

LOOP_ATTRIBUTES = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})

OPERATORS: Mapping[type[nodes.Node], str] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}

_ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name, nodes.Const}
    | {nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos}
    | {nodes.Concat, nodes.Filter, nodes.Test, nodes.Getitem, nodes.Slice, nodes.Getattr, nodes.Call, nodes.Keyword}
    | {nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair}
    | OPERATORS.keys()
)

_REFUSED_NAMES: Mapping[type[nodes.Node], str] = {
    nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.AssignBlock: "{% set %} … {% endset %}",
    nodes.Block: "{% block %}",
    nodes.Extends: "{% extends %}",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% from … import %}",
    nodes.With: "{% with %}",
    nodes.Scope: "{% autoescape %}",
    nodes.Pow: "the operator **",
}

URL_FILTER = "ummsg_url"
URL_PART_FILTER = "ummsg_url_part"
NUMBER_FILTER = "ummsg_number"


class Refused(Exception):
    """A construct that messages may not use, and the line that it is on."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"{message} (line {line})")


@cache
def author_environment() -> ImmutableSandboxedEnvironment:
    """Reads what authors write, in Jinja's own delimiters; never runs it."""
    return _environment()


@cache
def running_environment(autoescape: bool) -> ImmutableSandboxedEnvironment:
    """Runs what `tags.restored` assembled: its delimiters hold a control character, which no content has."""
    return _environment(
        autoescape=autoescape,
        block_start_string="\x01%",
        block_end_string="%\x01",
        variable_start_string="\x01{",
        variable_end_string="}\x01",
        comment_start_string="\x01#",
        comment_end_string="#\x01",
        finalize=values.printable,
        undefined=values.Empty,
    )


def _environment(**options: Any) -> ImmutableSandboxedEnvironment:
    from ummsg.mail.urls import url, url_part

    environment = ImmutableSandboxedEnvironment(keep_trailing_newline=True, cache_size=0, **options)
    # Jinja computes constants while it reads a template: with operators of its own that would be without bounds.
    environment.intercepted_binops = frozenset(environment.default_binop_table)
    environment.intercepted_unops = frozenset(environment.default_unop_table)
    environment.globals.clear()
    environment.tests = {name: environment.tests[name] for name in filters.TESTS}
    operators = (values.add, values.subtract, values.multiply, values.divide, values.floor_divide, values.modulo)
    environment.filters = {
        **filters.FILTERS,
        **dict(zip(OPERATORS.values(), operators, strict=True)),
        **{f".{name}": method for name, method in filters.METHODS.items()},
        "~": values.concatenate,
        "[]": values.item,
        "[:]": values.part,
        "range": values.number_range,
        "for": filters.turns,
        URL_FILTER: url,
        URL_PART_FILTER: url_part,
        NUMBER_FILTER: filters.next_number,
    }
    return environment


# Checking


def check(source: str) -> tuple[frozenset[str], Mapping[str, int]]:
    """The names that a text refers to and does not bind itself, with the line each is first on.

    Raises Refused, for a syntax error too.
    """
    try:
        tree = author_environment().parse(source)
        for node in _walk(tree):
            _check_node(node)
        names = meta.find_undeclared_variables(tree) - {"range"}
        lines = {node.name: node.lineno for node in reversed(list(tree.find_all(nodes.Name))) if node.name in names}
    except TemplateSyntaxError as error:
        raise Refused(_plain_syntax_message(error), error.lineno) from None
    except (RecursionError, MemoryError):
        raise Refused("an expression or a statement is nested too deeply", 1) from None
    except ValueError:  # what Python refuses to read as a number
        raise Refused("a number beyond 10 to the 18th", 1) from None
    return frozenset(names), lines


_CERTAIN = (*(nodes.TemplateData, nodes.Name, nodes.Const, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not),)
_CERTAIN_FILTERS = frozenset({"default", "d", "upper", "lower", "title", "capitalize", "trim"})


def weighed(source: str) -> frozenset[str]:
    """The names in a text that passed `check` whose values decide whether it renders, and not only whether there is
    one: arithmetic, indexes, comparisons, methods and the like may go well with one value and fail with another.

    Whatever stands in a loop counts as weighed: it may be printed any number of times, and output is bounded.
    """
    return frozenset(_weighed(author_environment().parse(source)))


def _weighed(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, (nodes.Template, nodes.Output, nodes.If)):
        for child in node.iter_child_nodes():
            yield from _weighed(child)
    elif not _is_certain(node):
        yield from (name.name for name in (node, *node.find_all(nodes.Name)) if isinstance(name, nodes.Name))


def _is_certain(expression: nodes.Node) -> bool:
    """Whether it goes well whatever the values are, and is empty or not whatever they are, if none of them is."""
    return all(
        isinstance(node, _CERTAIN) or (isinstance(node, nodes.Filter) and node.name in _CERTAIN_FILTERS)
        for node in (expression, *expression.find_all(nodes.Node))
    )


def _plain_syntax_message(error: TemplateSyntaxError) -> str:
    message = (error.message or "a syntax error").rstrip(".")
    return f"the placeholders cannot be read: {message[:1].lower()}{message[1:]}"


def _walk(node: nodes.Node, depth: int = 0) -> Iterator[nodes.Node]:
    """Every node, parents first, except what the parent's own check has dealt with."""
    if depth > MAX_DEPTH:
        raise Refused(f"statements are nested more than {MAX_DEPTH} deep", node.lineno)
    yield node
    for child in node.iter_child_nodes():
        if isinstance(node, nodes.Call) and child is node.node:
            child = child.node if isinstance(child, nodes.Getattr) else nodes.Const(None, lineno=node.lineno)
        elif isinstance(node, nodes.Getattr):
            continue
        yield from _walk(child, depth + isinstance(child, (nodes.If, nodes.For)))


def _check_node(node: nodes.Node) -> None:
    if type(node) not in _ALLOWED:
        name = _REFUSED_NAMES.get(type(node), type(node).__name__)
        raise Refused(f"{name} cannot be used in a message", _line_of(node))
    if check_of := _CHECKS.get(type(node)):
        check_of(node)


def _line_of(node: nodes.Node) -> int:
    return node.lineno or next((child.lineno for child in node.find_all(nodes.Node) if child.lineno), 1)


def _check_for(node: nodes.For) -> None:
    if node.recursive:
        raise Refused("a recursive loop cannot be used in a message", node.lineno)


def _check_name(node: nodes.Name) -> None:
    if node.name.startswith("_") or node.name in ("self", "super", "caller", "varargs", "kwargs"):
        raise Refused(f"{node.name} cannot be used in a message", node.lineno)
    if node.name in ("range", "loop"):
        if node.ctx != "load":
            raise Refused(f"{node.name} cannot be given another meaning", node.lineno)
        example = "range(3)" if node.name == "range" else "loop.index"
        raise Refused(f"{node.name} alone means nothing; write for example {example}", node.lineno)


def _check_constant(node: nodes.Const) -> None:
    if isinstance(node.value, str) and CONTROL.search(node.value):
        raise Refused("a text with a control character", node.lineno)
    number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    if number and not -values.MAX_NUMBER <= node.value <= values.MAX_NUMBER:
        raise Refused("a number beyond 10 to the 18th", node.lineno)


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in filters.FILTERS:
        raise Refused(f"the filter {node.name} is not known; there are {', '.join(filters.FILTERS)}", node.lineno)
    _check_arguments(node)


def _check_test(node: nodes.Test) -> None:
    if node.name not in filters.TESTS:
        raise Refused(f"the test {node.name} is not known; there are {', '.join(filters.TESTS)}", node.lineno)
    _check_arguments(node)


def _check_arguments(node: nodes.Filter | nodes.Test | nodes.Call) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Refused("* and ** arguments cannot be used in a message", node.lineno)


def _check_call(node: nodes.Call) -> None:
    _check_arguments(node)
    called = node.node
    if isinstance(called, nodes.Name) and called.name == "range" and 1 <= len(node.args) <= 3 and not node.kwargs:
        return
    if isinstance(called, nodes.Getattr):
        if called.attr in filters.METHODS:
            return
        raise Refused(f".{called.attr}() cannot be used in a message", node.lineno)
    name = f"{called.name}()" if isinstance(called, nodes.Name) else "a call"
    raise Refused(f"{name} cannot be used in a message", node.lineno)


def _check_attribute(node: nodes.Getattr) -> None:
    if not (isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr in LOOP_ATTRIBUTES):
        raise Refused(f".{node.attr} cannot be used in a message", node.lineno)


def _check_literal(node: nodes.List | nodes.Tuple | nodes.Dict) -> None:
    if isinstance(node, nodes.Tuple) and node.ctx == "store":
        return
    pairs = [
        part for pair in node.items for part in ((pair.key, pair.value) if isinstance(pair, nodes.Pair) else (pair,))
    ]
    if not all(isinstance(part, nodes.Const) for part in pairs):
        raise Refused("a list may hold only constant texts and numbers", node.lineno)


_CHECKS: Mapping[type[nodes.Node], Any] = {
    nodes.For: _check_for,
    nodes.Name: _check_name,
    nodes.Const: _check_constant,
    nodes.Filter: _check_filter,
    nodes.Test: _check_test,
    nodes.Call: _check_call,
    nodes.Getattr: _check_attribute,
    nodes.List: _check_literal,
    nodes.Tuple: _check_literal,
    nodes.Dict: _check_literal,
}
