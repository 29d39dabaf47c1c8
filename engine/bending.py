"""Python that bends how tests compare and count, and how a text reads without it. Pure.

Found is code that assigns into the packages of test runners, and, where it is no test, `unittest.mock.ANY`
and `__eq__` that says True to everything. There is honest code of all three kinds, so that it is there proves
nothing: only a check that needs it is in doubt.

Left to reviewers is what hides: a name put together while it runs, or handed on by another module or function
(`getattr`, `global`, an argument); names that `for` and `with` bind; what is no plain assignment
(`type.__setattr__`, `__dict__[...] =`, `vars`, `del`, `for unittest.x in`, `mock.patch`); a mock told to
equal; an `__eq__` that computes its True; and whatever stands in a text of more than 200,000 characters,
which is not parsed.
"""

import ast
from collections.abc import Iterator
from enum import StrEnum
from itertools import accumulate

from engine.runner_names import ANY, Names, block, dotted

# What the module `pytest` exports and tests use, besides classes; another name set there is only kept there.
_PYTEST = frozenset({
    "approx", "cmdline", "console_main", "deprecated_call", "exit", "fail", "fixture", "hookimpl", "hookspec",
    "importorskip", "main", "mark", "param", "raises", "register_assert_rewrite", "set_trace", "skip",
    "warns", "xfail", "yield_fixture",
})  # fmt: skip
_EQUALS = dict(zip(ANY, ("object()", "object"), strict=True))  # what equals itself alone, in their place
_MARK = "\ufeff"  # of a file's start
_MOST = 200_000  # characters: parsing takes the interpreter to itself for seconds, and a thousandfold memory
Place = tuple[ast.expr, str, str]  # where, in words, what to write there instead


class Code(StrEnum):
    """What a text is: objects that equal everything are honest in tests."""

    PRODUCT = "product"
    TESTS = "tests"


def bends(text: str, before: str = "", code: Code = Code.PRODUCT) -> tuple[tuple[int, str], ...]:
    """Line number, from 1, and wording of each place, unless the text before held one with such a line."""
    return tuple((place.lineno, words) for place, words, _ in _new(text.removeprefix(_MARK), before, code))


def without_bends(text: str, before: str = "", code: Code = Code.PRODUCT) -> str:
    """The text with nothing assigned at these places, and with objects there equal to themselves alone."""
    data, parts, done = text.removeprefix(_MARK).encode(), [], 0
    if not (places := _new(data.decode(), before, code)):
        return text
    starts = [0, *accumulate(map(len, data.splitlines(keepends=True)))]
    for place, _, instead in places:
        parts += [data[done : starts[place.lineno - 1] + place.col_offset], instead.encode()]
        end = _end(place)
        done = starts[end[0] - 1] + end[1]
    return b"".join((*parts, data[done:])).decode()


def _new(text: str, before: str, code: Code) -> list[Place]:
    """In the order of the text; of places that overlap, the first and widest."""
    known = {told for _, told in _found(before.removeprefix(_MARK), code)}
    found = [place for place, told in _found(text, code) if told not in known]
    found.sort(key=lambda one: (-one[0].lineno, -one[0].col_offset, _end(one[0])), reverse=True)
    apart: list[Place] = []
    for one in found:
        if not apart or (one[0].lineno, one[0].col_offset) >= _end(apart[-1][0]):
            apart.append(one)
    return apart


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _found(text: str, code: Code) -> list[tuple[Place, tuple[str, bytes]]]:
    """Each place, with its wording and line; none in a text that is not parsed."""
    if len(text) > _MOST:
        return []
    try:
        places = list(_places(ast.parse(text), code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines = text.encode().splitlines()
    return [(place, (place[1], lines[place[0].lineno - 1])) for place in places]


def _places(tree: ast.Module, code: Code) -> Iterator[Place]:
    left: list[tuple[ast.AST, Names]] = [(tree, {})]
    while left:
        node, names = left.pop()
        yield from _assigned(node, names)
        if code is Code.PRODUCT:
            yield from _any(node, names)
            yield from _equal(node)
        body, inner = block(node, names)
        within = set(map(id, body))
        left += [(child, inner if id(child) in within else names) for child in ast.iter_child_nodes(node)]


def _assigned(node: ast.AST, names: Names) -> Iterator[Place]:
    """Targets in a runner's package; a name of ours is put in their place."""
    match node:
        case ast.Assign(targets=targets):
            every = [one for target in targets for one in _single(target)]
        case ast.AnnAssign(target=target, value=ast.expr()):
            every = [target]
        case ast.AugAssign(target=ast.Attribute(value=owner, attr=name) as target):
            if _set(owner, name, names):
                words = ast.unparse(target)
                yield target, words, f"_unbent = {words}; _unbent"
            return
        case ast.Call(func=ast.Name(id="setattr"), args=[target, named, *_]):
            attribute = str(named.value) if isinstance(named, ast.Constant) else "__"
            if _set(target, attribute, names):
                yield target, f"setattr({ast.unparse(target)})", "lambda: None"
            return
        case _:
            return
    for one in every:
        if isinstance(one, ast.Attribute) and _set(one.value, one.attr, names):
            yield one, ast.unparse(one), "_unbent"


def _set(owner: ast.expr, name: str, names: Names) -> bool:
    """Whether a name set there is one of a runner's."""
    what = dotted(owner, names)
    return bool(what) and (what != "pytest" or name in _PYTEST or name.startswith("__") or name[:1].isupper())


def _single(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _single(one)
    else:
        yield target


def _any(node: ast.AST, names: Names) -> Iterator[Place]:
    """Where the object that equals everything is taken from its module, or by the name it was imported as."""
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        what = dotted(node, names)
        if what in _EQUALS:
            yield node, what, _EQUALS[what]


def _equal(node: ast.AST) -> Iterator[Place]:
    """What `__eq__` of a class returns, where it is nothing but True or as good as True."""
    if not isinstance(node, ast.ClassDef):
        return
    for one in node.body:
        returned: list[ast.expr | None] = []
        match one:
            case ast.FunctionDef(name="__eq__"):
                returned = [inner.value for inner in ast.walk(one) if isinstance(inner, ast.Return)]
            case ast.Assign(targets=[ast.Name(id="__eq__")], value=ast.Lambda(body=body)):
                returned = [body]
        if all(_truth(value) for value in returned):
            words = f"{node.name}.__eq__ is always True"
            yield from ((value, words, "NotImplemented") for value in returned if value)


def _truth(value: ast.expr | None) -> bool | None:
    """Whether what is written there is true; None if that cannot be read off it."""
    turned = False
    while isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
        value, turned = value.operand, not turned
    return bool(value.value) is not turned if isinstance(value, ast.Constant) else None
