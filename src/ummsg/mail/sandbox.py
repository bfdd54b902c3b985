"""The language of placeholders: an allow-list over Jinja2's syntax tree, and a way to run what passed it.

`check` refuses everything that is not listed here. `build` then rewrites every operator, index, method call and loop
into a function of `values.py`, so that a template that runs can reach nothing else and make nothing large.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.environment import Template
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from ummsg.mail import values
from ummsg.mail.values import EmptyPlaceholder, RenderFailed

MAX_OUTPUT = 4 * 1024 * 1024
"""Characters of one rendered part. Receivers clip a mail long before."""
MAX_DEPTH = 12
"""Statements within statements."""
MAX_TAGS = 5_000

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What no message can carry: control characters and lone surrogates."""

LOOP_ATTRIBUTES = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})

_OPERATORS: Mapping[type[nodes.Node], str] = {
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
    | _OPERATORS.keys()
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
def _compiled_environment(autoescape: bool) -> ImmutableSandboxedEnvironment:
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
    environment.tests = {name: environment.tests[name] for name in values.TESTS}
    operators = (values.add, values.subtract, values.multiply, values.divide, values.floor_divide, values.modulo)
    environment.filters = {
        **values.FILTERS,
        **dict(zip(_OPERATORS.values(), operators, strict=True)),
        **{f".{name}": method for name, method in values.METHODS.items()},
        "~": values.concatenate,
        "[]": values.item,
        "[:]": values.part,
        "range": values.number_range,
        "for": values.turns,
        URL_FILTER: url,
        URL_PART_FILTER: url_part,
        NUMBER_FILTER: values.next_number,
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
    if node.name not in values.FILTERS:
        raise Refused(f"the filter {node.name} is not known; there are {', '.join(values.FILTERS)}", node.lineno)
    _check_arguments(node)


def _check_test(node: nodes.Test) -> None:
    if node.name not in values.TESTS:
        raise Refused(f"the test {node.name} is not known; there are {', '.join(values.TESTS)}", node.lineno)
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
        if called.attr in values.METHODS:
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


# Running


class _Bounded(NodeTransformer):
    """Turns everything that computes into a call of one of the environment's own functions."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        if operator := _OPERATORS.get(type(node)):
            return _function(operator, [node.left, node.right], node)  # type: ignore[attr-defined]
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's visitor names
        self.generic_visit(node)
        return _function("~", node.nodes, node)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        """`{{ "x" if y }}` without an else is nothing, as Jinja's documentation has it, not an empty placeholder."""
        self.generic_visit(node)
        node.expr2 = node.expr2 or nodes.Const("", lineno=node.lineno)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            bounds = (node.arg.start, node.arg.stop, node.arg.step)
            return _function("[:]", [node.node, *(bound or nodes.Const(None) for bound in bounds)], node)
        return _function("[]", [node.node, node.arg], node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr):
            return _function(f".{node.node.attr}", [node.node.node, *node.args], node, node.kwargs)
        return _function("range", node.args, node)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _function("for", [node.iter], node)
        return node


def _function(name: str, arguments: Sequence[Any], at: nodes.Node, named: Any = ()) -> nodes.Filter:
    made = nodes.Filter(arguments[0], name, list(arguments[1:]), list(named), None, None, lineno=at.lineno)
    made.environment = at.environment
    return made


class Program:
    """A template that may be run. `lines` maps each line of its source that holds a tag to the author's line."""

    def __init__(self, source: str, lines: Mapping[int, int], *, autoescape: bool, field: str) -> None:
        """Raises RecursionError for what Python cannot compile; what `check` accepted otherwise compiles."""
        environment = _compiled_environment(autoescape)
        tree = _Bounded().visit(environment.parse(source))
        code = environment.compile(tree)
        self._template = Template.from_code(environment, code, {})
        self._field = field
        self._lines = sorted(lines.items())

    def run(self, names: Mapping[str, Any]) -> str:
        """Raises EmptyPlaceholder, or RenderFailed for everything else that can go wrong."""
        values.meter.reset()
        chunks: list[str] = []
        size = 0
        try:
            for chunk in self._template.root_render_func(self._template.new_context(names)):  # type: ignore[arg-type]
                size += len(chunk)
                if size > MAX_OUTPUT:
                    raise RenderFailed(f"the message is longer than {MAX_OUTPUT:,} characters")
                chunks.append(chunk)
        except EmptyPlaceholder:
            raise
        except (
            RenderFailed,
            TemplateError,
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            RecursionError,
        ) as error:
            raise RenderFailed(f"line {self._author_line(error)}: {error}", self._field) from None
        return "".join(chunks)

    def _author_line(self, error: BaseException) -> int:
        trace, line = error.__traceback__, 1
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template or (
                trace.tb_frame.f_code.co_filename == "<template>"
            ):
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        index = bisect_right(self._lines, (line, float("inf")))
        return self._lines[index - 1][1] if index else 1
