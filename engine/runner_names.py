"""What of test runners' packages the names in Python code stand for, a scope at a time. Pure."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

_RUNNERS = frozenset({"unittest", "pytest", "_pytest"})
ANY = ("unittest.mock.ANY", "unittest.mock._ANY")  # what equals everything, and its class
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)
Names = Mapping[str, str]  # that stand for a runner's package or something in it, by its dotted name there


def block(node: ast.AST, names: Names) -> tuple[Sequence[ast.AST], Names]:
    """What of a node reads names in its own way, and how."""
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            return body, _within(body, _parameters(node.args) | _stored(body), names)
        case ast.Lambda(args=args, body=value):
            return [value], _within([], _parameters(args), names)
        case ast.Module(body=body) | ast.ClassDef(body=body):
            return body, _within(body, frozenset(), names)
        case ast.For(target=target, body=body) | ast.AsyncFor(target=target, body=body):
            return body, _within(body, _stored([target]), names)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            bound = [item.optional_vars for item in items if item.optional_vars]
            return body, _within(body, _stored(bound), names)
        case ast.ExceptHandler(name=str(name), body=body):
            return body, _within(body, {name}, names)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            dropped = _stored(one.target for one in node.generators)
            return list(ast.iter_child_nodes(node)), _within([], dropped, names)
    return (), names


def _within(body: Iterable[ast.AST], dropped: Set[str], names: Names) -> Names:
    """Names in a block: not those that it binds to something else, but those that it imports and assigns."""
    inner = {name: what for name, what in names.items() if name not in dropped}
    for node in _own(body):
        match node:
            case ast.Import(names=imported):
                for one in imported:
                    package = one.name.partition(".")[0]
                    if package in _RUNNERS:
                        inner[one.asname or package] = one.name if one.asname else package
            case ast.ImportFrom(module=str(module), names=imported, level=0) if _of_runner(module):
                inner |= {one.asname or one.name: f"{module}.{one.name}" for one in imported}
            case ast.Assign(targets=targets, value=value) if what := _alias(value, inner):
                inner |= {one.id: what for one in targets if isinstance(one, ast.Name)}
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if what := _alias(value, inner):
                inner[name] = what
    return inner


def _alias(value: ast.expr, names: Names) -> str:
    """What a name assigned so stands for; not ANY, which is taken out where the name is assigned."""
    what = dotted(value, names)
    return "" if what in ANY else what


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a block, in the order of the text, and none of the scopes within it but their heads."""
    left = list(body)[::-1]
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, _SCOPES):
            left += list(ast.iter_child_nodes(node))[::-1]


def _parameters(args: ast.arguments) -> frozenset[str]:
    return frozenset(one.arg for one in ast.walk(args) if isinstance(one, ast.arg))


def _stored(body: Iterable[ast.AST]) -> frozenset[str]:
    """Names that are local because a block binds them."""
    stored: set[str] = set()
    declared: set[str] = set()
    for node in _own(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)):
                stored.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                stored.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                stored.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                stored |= {one.asname or one.name.partition(".")[0] for one in imported}
            case ast.Global(names=outer) | ast.Nonlocal(names=outer):
                declared |= set(outer)
    return frozenset(stored - declared)


def _of_runner(module: str) -> bool:
    return module.partition(".")[0] in _RUNNERS


def dotted(value: ast.expr, names: Names) -> str:
    """What an expression is in a runner's package, such as unittest.case.TestCase; empty if nothing."""
    attributes: list[str] = []
    while isinstance(value, ast.Attribute):
        attributes.append(value.attr)
        value = value.value
    root = ""
    match value:
        case ast.Name(id=name):
            root = names.get(name, "")
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Constant(value=str(module))):
            root = module
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            root = module
    return ".".join((root, *reversed(attributes))) if _of_runner(root) else ""
