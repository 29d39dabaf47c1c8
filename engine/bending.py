"""Python that bends how tests compare and count, and how a text reads without it. Pure.

Found is code that assigns into the packages of test runners, and `__eq__` that says True to everything. There
is honest code of both kinds, so that it is there proves nothing: only a check that needs it is in doubt. What
hides, such as a name put together while it runs, is not found; it is for reviewers.
"""

import ast
from collections.abc import Iterator, Set
from itertools import accumulate

_RUNNERS = frozenset({"unittest", "pytest", "_pytest"})
_MARK = "\ufeff"  # of a file's start
Place = tuple[ast.expr, str, str]  # where, in words, what to write there instead


def bends(text: str, before: str = "") -> tuple[tuple[int, str], ...]:
    """Line number, from 1, and wording of each place, unless the text before held one with such a line."""
    return tuple((place.lineno, words) for place, words, _ in _new(text.removeprefix(_MARK), before))


def without_bends(text: str, before: str = "") -> str:
    """The text with nothing assigned at these places, and with objects there equal to themselves alone."""
    text = text.removeprefix(_MARK)
    data, parts, done = text.encode(), [], 0
    starts = [0, *accumulate(map(len, data.splitlines(keepends=True)))]
    for place, _, instead in _new(text, before):
        parts += [data[done : starts[place.lineno - 1] + place.col_offset], instead.encode()]
        done = starts[(place.end_lineno or place.lineno) - 1] + (place.end_col_offset or 0)
    return b"".join((*parts, data[done:])).decode()


def _new(text: str, before: str) -> list[Place]:
    """In the order of the text; places do not overlap."""
    known = {told for _, told in _found(before.removeprefix(_MARK))}
    found = [place for place, told in _found(text) if told not in known]
    return sorted(found, key=lambda one: (one[0].lineno, one[0].col_offset))


def _found(text: str) -> list[tuple[Place, tuple[str, bytes]]]:
    """Each place, with its wording and line."""
    try:
        tree = ast.parse(text)
        places = list(_places(tree, _names(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines = text.encode().splitlines()
    return [(place, (place[1], lines[place[0].lineno - 1])) for place in places]


def _places(node: ast.AST, names: frozenset[str]) -> Iterator[Place]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        names -= {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
    yield from _assigned(node, names)
    yield from _equal(node)
    for child in ast.iter_child_nodes(node):
        yield from _places(child, names)


def _names(tree: ast.Module) -> frozenset[str]:
    """Names that stand for a runner's package or for something in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=imported):
                names |= {
                    one.asname or one.name.partition(".")[0] for one in imported if _of_runner(one.name)
                }
            case ast.ImportFrom(module=str(module), names=imported, level=0) if _of_runner(module):
                names |= {one.asname or one.name for one in imported}
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _rooted(value, names):
                names.add(name)
    return frozenset(names)


def _of_runner(module: str) -> bool:
    return module.partition(".")[0] in _RUNNERS


def _rooted(value: ast.expr, names: Set[str]) -> bool:
    while isinstance(value, ast.Attribute):
        value = value.value
    match value:
        case ast.Name(id=name):
            return name in names
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Constant(value=str(module))):
            return _of_runner(module)
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            return _of_runner(module)
    return False


def _assigned(node: ast.AST, names: Set[str]) -> Iterator[Place]:
    """Targets in a runner's package; a name of ours is put in their place."""
    match node:
        case ast.Assign(targets=targets):
            every = [one for target in targets for one in _single(target)]
        case ast.AnnAssign(target=target, value=ast.expr()):
            every = [target]
        case ast.Call(func=ast.Name(id="setattr"), args=[target, *_]) if _rooted(target, names):
            yield target, f"setattr({ast.unparse(target)})", "lambda: None"
            return
        case _:
            return
    for one in every:
        if isinstance(one, ast.Attribute) and _rooted(one, names):
            yield one, ast.unparse(one), "_unbent"


def _single(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _single(one)
    else:
        yield target


def _equal(node: ast.AST) -> Iterator[Place]:
    """What `__eq__` of a class returns, where it is nothing but True."""
    if not isinstance(node, ast.ClassDef):
        return
    for one in node.body:
        returned: list[ast.expr | None] = []
        match one:
            case ast.FunctionDef(name="__eq__"):
                returned = [inner.value for inner in ast.walk(one) if isinstance(inner, ast.Return)]
            case ast.Assign(targets=[ast.Name(id="__eq__")], value=ast.Lambda(body=body)):
                returned = [body]
        if all(isinstance(value, ast.Constant) and value.value is True for value in returned):
            words = f"{node.name}.__eq__ is always True"
            yield from ((value, words, "NotImplemented") for value in returned if value)
