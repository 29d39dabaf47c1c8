"""A mutant put in the place of what is imported already, in this process and no other.

The code of functions is replaced in the functions themselves, so that whoever imported one has the mutant
too; values of a module are evaluated again, and replaced wherever they were imported by name.
"""

import ast
import gc
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutation.mutants import Mutant

Key = tuple[str, str, int]
Functions = Mapping[Key, list[FunctionType]]


class NotSwapped(Exception):
    """It is part of what ran while the module was imported: it takes a process that imports it anew."""


def functions_of(files: Iterable[Path]) -> Functions:
    """Every function that was made from these files, by file, qualified name and first line."""
    wanted = {str(file) for file in files}
    found: dict[Key, list[FunctionType]] = defaultdict(list)
    gc.unfreeze()
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename in wanted:
            found[_key(one.__code__)].append(one)
    gc.freeze()
    return found


def swap(mutant: Mutant, tree: ast.Module, module: ModuleType, functions: Functions) -> None:
    """Put a mutant in place.

    Raises:
        NotSwapped: that cannot be done for this one.
        SyntaxError: it is no program at all.
    """
    path = _path_to(tree, mutant)
    mutant.apply()
    code = compile(tree, str(mutant.module), "exec", dont_inherit=True)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    outer = next((node for node in path if isinstance(node, kinds)), None)
    if outer is None:
        statement = path[1] if len(path) > 1 else None
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            raise NotSwapped
        _evaluate(statement, tree, module)
    elif _in_arguments(outer, path):
        _defaults(outer, module, functions, mutant.module)
    elif not _in_code(outer, path) or _runs_at_import(outer, tree):
        raise NotSwapped
    else:
        _replace(code, functions)


def _replace(code: CodeType, functions: Functions) -> None:
    changed, seen = 0, set[Key]()
    for one in _codes(code):
        if _key(one) in seen:
            continue
        seen.add(_key(one))
        for function in functions.get(_key(one), ()):
            if function.__code__ != one and function.__code__.co_freevars == one.co_freevars:
                function.__code__ = one
                changed += 1
    if not changed:
        raise NotSwapped


def _defaults(outer: ast.AST, module: ModuleType, functions: Functions, file: Path) -> None:
    if not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
        raise NotSwapped
    lines = (outer.lineno, *(one.lineno for one in outer.decorator_list))
    mine = [
        function
        for (name, qualified, line), some in functions.items()
        if name == str(file) and line in lines and qualified.split(".")[-1] == outer.name
        for function in some
    ]
    if not mine:
        raise NotSwapped
    values = [_value(node, module) for node in outer.args.defaults]
    named = zip(outer.args.kwonlyargs, outer.args.kw_defaults, strict=True)
    keywords = {argument.arg: _value(node, module) for argument, node in named if node is not None}
    for function in mine:
        function.__defaults__ = tuple(values) or None
        function.__kwdefaults__ = keywords


def _value(node: ast.expr, module: ModuleType) -> object:
    return eval(compile(ast.Expression(node), module.__name__, "eval"), vars(module))  # noqa: S307 - our code


def _evaluate(changed: ast.Assign | ast.AnnAssign, tree: ast.Module, module: ModuleType) -> None:
    """This assignment anew, and those that follow from it."""
    names = set[str]()
    for statement in tree.body:
        if statement is not changed and not names & set(_read_at_import(statement)):
            continue
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            raise NotSwapped  # a class, say
        before = dict(vars(module))
        exec(compile(ast.Module([statement], []), module.__name__, "exec"), vars(module))  # noqa: S102 - our code
        for name in assigned(statement):
            names.add(name)
            for other in list(sys.modules.values()):
                theirs = getattr(other, "__dict__", {})
                if other is not module and name in theirs and theirs[name] is before.get(name):
                    theirs[name] = vars(module)[name]


def _read_at_import(node: ast.AST) -> Iterable[str]:
    """Names that are read when a module is imported: those in the bodies of functions are not."""
    if isinstance(node, ast.Name):
        yield node.id
    for field, value in ast.iter_fields(node):
        if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _read_at_import(child)


def assigned(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module sets."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [node.id for one in targets if one for node in ast.walk(one) if isinstance(node, ast.Name)]


def _path_to(tree: ast.Module, mutant: Mutant) -> list[ast.AST]:
    """The nodes from the module down to the one that is changed."""

    def find(node: ast.AST) -> list[ast.AST] | None:
        if node is mutant.parent:
            return [node]
        for child in ast.iter_child_nodes(node):
            if (rest := find(child)) is not None:
                return [node, *rest]
        return None

    path = find(tree) or []
    if mutant.parent is tree:
        path.append(tree.body[mutant.index or 0])
    return path


def _in_arguments(outer: ast.AST, path: list[ast.AST]) -> bool:
    after = path[path.index(outer) + 1 :]
    return bool(after) and isinstance(after[0], ast.arguments)


def _in_code(outer: ast.AST, path: list[ast.AST]) -> bool:
    """Whether the change is in the body, not in a decorator."""
    after = path[path.index(outer) + 1 :]
    if isinstance(outer, ast.Lambda) or not after:
        return True
    return after[0] not in getattr(outer, "decorator_list", [])


def _runs_at_import(outer: ast.AST, tree: ast.Module) -> bool:
    name = getattr(outer, "name", "")
    called = (
        node.func.id
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    return name in called


def _codes(code: CodeType) -> Iterable[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno
