"""A checked template made to run: within bounds, and able to call nothing but what this package gives it."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.environment import Template
from jinja2.exceptions import TemplateError
from jinja2.visitor import NodeTransformer

from ummsg.mail.sandbox import OPERATORS, running_environment
from ummsg.mail.values import EmptyPlaceholder, RenderFailed, meter

MAX_OUTPUT = 4 * 1024 * 1024
"""Characters of one rendered part. Receivers clip a mail long before."""


class _Bounded(NodeTransformer):
    """Turns everything that computes into a call of one of the environment's own functions."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        if operator := OPERATORS.get(type(node)):
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


@dataclass(frozen=True)
class Printed:
    """A placeholder that is printed as it is, or else `otherwise`; without one it must not be empty."""

    name: str
    otherwise: str | None = None


Pieces = Sequence[str | Printed]
"""All that some templates are made of: text, and placeholders between it."""


def _pieces(tree: nodes.Template) -> Pieces | None:
    """None for a template that does more than print."""
    found: list[str | Printed] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            piece = _piece(node)
            if piece is None:
                return None
            found.append(piece)
    return found


def _piece(node: nodes.Node) -> str | Printed | None:
    match node:
        case nodes.TemplateData():
            return str(node.data)
        case nodes.Name():
            return Printed(node.name)
        case nodes.Or(left=nodes.Name() as name, right=nodes.Const(value=str() as otherwise)):
            return Printed(name.name, otherwise) if otherwise and otherwise == otherwise.strip() else None
    return None


class Program:
    """A template that may be run. `lines` maps each line of its source that holds a tag to the author's line.

    `pieces` are what it is made of, if it does no more than print; `own` is the text between its tags, stretch by
    stretch.
    """

    def __init__(self, source: str, lines: Mapping[int, int], *, autoescape: bool, field: str) -> None:
        """Raises RecursionError for what Python cannot compile; what `check` accepted otherwise compiles."""
        environment = running_environment(autoescape)
        tree = _Bounded().visit(environment.parse(source))
        self.pieces = _pieces(tree)
        self.own = frozenset(node.data for node in tree.find_all(nodes.TemplateData))
        code = environment.compile(tree)
        self._template = Template.from_code(environment, code, {})
        self._field = field
        self._lines = sorted(lines.items())

    def run(self, names: Mapping[str, Any]) -> str:
        """Raises as `stretches` does."""
        return "".join(self.stretches(names))

    def stretches(self, names: Mapping[str, Any]) -> list[str]:
        """What it writes, piece by piece: mostly values, and text of its `own`.

        Raises EmptyPlaceholder, or RenderFailed for everything else that can go wrong.
        """
        meter.reset()
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
        return chunks

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
