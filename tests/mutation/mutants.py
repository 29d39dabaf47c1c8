"""The mutants of a module: one small change of its syntax tree each.

Not changed: annotations and aliases of types, docstrings, assertions for the type checker, and sentences for
people (a string with a space), whose words are free.
"""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.others import other_returns, others


@dataclass(frozen=True)
class Mutant:
    """One change: in `field` of `parent` (at `index`, where it is a list), `new` instead of `old`."""

    module: Path
    line: int
    statement: tuple[int, int]
    old: str
    new: str
    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST | None

    def apply(self) -> None:
        """Change the tree which it is of, for good."""
        node = self.node and ast.copy_location(copy.deepcopy(self.node), _located(self.parent, self.line))
        if self.index is None:
            setattr(self.parent, self.field, node)
        elif node is None:
            del getattr(self.parent, self.field)[self.index]
            if isinstance(self.parent, ast.Dict):
                del self.parent.values[self.index]
        else:
            getattr(self.parent, self.field)[self.index] = node
        ast.fix_missing_locations(self.parent)


def _located(parent: ast.AST, line: int) -> ast.AST:
    if hasattr(parent, "lineno"):
        return parent
    return ast.Pass(lineno=line, col_offset=0, end_lineno=line, end_col_offset=0)


def mutants(module: Path, tree: ast.Module, names: Mapping[str, object]) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines.

    Args:
        module: Its file.
        tree: Its syntax tree; a mutant changes this one when it is applied.
        names: What its names stand for; members of enumerations are swapped for their neighbours.
    """
    maker = _Maker(module, names)
    maker.block(tree, "body", tree.body, None)
    yield from sorted(maker.found, key=lambda one: one.line)


class _Maker:
    def __init__(self, module: Path, names: Mapping[str, object]) -> None:
        self.found: list[Mutant] = []
        self._module = module
        self._names = names
        self._at = (0, 0)

    def _add(
        self,
        parent: ast.AST,
        field: str,
        index: int | None,
        old: ast.AST,
        new: ast.AST | None,
        said: str = "",
    ) -> None:
        text = "(deleted)" if new is None else ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
        before = ast.unparse(old)
        if before != text:
            line = getattr(old, "lineno", self._at[0])
            self.found.append(
                Mutant(self._module, line, self._at, before, said or text, parent, field, index, new)
            )

    # ---------------------------------------------------------------- statements

    def block(self, parent: ast.AST, field: str, body: list[ast.stmt], returns: ast.expr | None) -> None:
        for index, statement in enumerate(body):
            documents = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if documents or isinstance(statement, ast.Assert | ast.Import | ast.ImportFrom):
                continue
            if isinstance(statement, ast.Assign) and _names_all(statement):
                continue
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.annotation) == "TypeAlias":
                continue
            self._at = _header(statement)
            self._statement(parent, field, index, statement, returns)
            self._inside(statement, returns)

    def _statement(  # noqa: C901 - a table
        self, parent: ast.AST, field: str, index: int, statement: ast.stmt, returns: ast.expr | None
    ) -> None:
        match statement:
            case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
                self._add(parent, field, index, statement, ast.Pass(), "(deleted)")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                self._add(parent, field, index, statement, ast.Pass(), "(deleted)")
            case ast.Continue():
                self._add(parent, field, index, statement, ast.Break())
            case ast.Break():
                self._add(parent, field, index, statement, ast.Continue())
            case ast.Return(value=ast.expr() as value):
                for other in other_returns(returns):
                    self._add(statement, "value", None, value, other)
            case ast.If() | ast.While():
                self._condition(statement)
            case ast.For() | ast.AsyncFor():
                self._add(statement, "iter", None, statement.iter, ast.Tuple([], ast.Load()))
            case ast.Try():
                for handler in statement.handlers:
                    self._add(handler, "body", 0, handler.body[0], ast.Raise(), "raise")
            case ast.Match():
                self._cases(statement)

    def _condition(self, statement: ast.If | ast.While) -> None:
        constants = (True, False) if isinstance(statement, ast.If) else (False,)
        for constant in constants:
            self._add(statement, "test", None, statement.test, ast.Constant(constant))

    def _cases(self, statement: ast.Match) -> None:
        for index, case in enumerate(statement.cases):
            if len(statement.cases) > 1:
                at, self._at = self._at, (case.pattern.lineno, case.pattern.end_lineno or case.pattern.lineno)
                self._add(statement, "cases", index, case.pattern, None)
                self._at = at
            if case.guard is not None:
                self._add(case, "guard", None, case.guard, ast.Constant(True))
            if isinstance(case.pattern, ast.MatchOr) and len(case.pattern.patterns) > 2:
                for number, one in enumerate(case.pattern.patterns):
                    self._add(case.pattern, "patterns", number, one, None)

    def _inside(self, node: ast.AST, returns: ast.expr | None) -> None:
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "targets", "type_params", "bases", "format_spec"}:
                continue
            if isinstance(node, ast.JoinedStr):
                value = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
                for part in value:
                    self._inside(part, returns)
                continue
            if field == "target" and not isinstance(node, ast.NamedExpr):
                continue
            if field in {"body", "orelse", "finalbody"} and isinstance(value, list):
                mine = node.returns if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else returns
                at = self._at
                self.block(node, field, value, mine)
                self._at = at
                continue
            for index, child in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(child, ast.AST):
                    place = index if isinstance(value, list) else None
                    if isinstance(child, ast.expr):
                        self._expression(node, field, place, child)
                    self._inside(child, returns)

    # ---------------------------------------------------------------- expressions

    def _expression(  # noqa: C901, PLR0912 - a table
        self, parent: ast.AST, field: str, index: int | None, node: ast.expr
    ) -> None:
        for new in others(node, self._names):
            self._add(parent, field, index, node, new)
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                for number, element in enumerate(elements):
                    self._add(node, "elts", number, element, None)
            case ast.Dict():
                for number, key in enumerate(node.keys):
                    self._add(node, "keys", number, key or node.values[number], None)
            case ast.JoinedStr() if not _prose(node):
                for number, part in enumerate(node.values):
                    self._part(node, number, part)
            case ast.Call():
                self._call(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                for loop in node.generators:
                    for number, condition in enumerate(loop.ifs):
                        self._add(loop, "ifs", number, condition, None)
            case ast.Slice():
                for side in ("lower", "upper"):
                    bound = getattr(node, side)
                    if bound is not None:
                        self._add(node, side, None, bound, None)

    def _part(self, node: ast.JoinedStr, number: int, part: ast.expr) -> None:
        self.found.append(
            Mutant(
                self._module, part.lineno, self._at, ast.unparse(node),
                f"without {str(part.value) if isinstance(part, ast.Constant) else ast.unparse(part)}",
                node, "values", number, ast.Constant(""),
            )
        )  # fmt: skip

    def _call(self, node: ast.Call) -> None:
        for number, keyword in enumerate(node.keywords):
            self._add(node, "keywords", number, keyword, None)
        dropped = isinstance(node.func, ast.Attribute) and node.func.attr in {
            "suppress",
            "union",
            "difference",
        }
        for number, argument in enumerate(node.args):
            if dropped or isinstance(argument, ast.Starred) or _is_flag(argument):
                self._add(node, "args", number, argument, None)


def _header(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement without those of its body."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not isinstance(body, list):
        return statement.lineno, statement.end_lineno or statement.lineno
    first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    return statement.lineno, max(statement.lineno, first.lineno - 1)


def _names_all(statement: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets)


def _prose(node: ast.JoinedStr) -> bool:
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in node.values)


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr) and " " not in ast.unparse(node)
