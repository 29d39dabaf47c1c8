"""What may stand instead of an expression or of what a function returns."""

import ast
import enum
from collections.abc import Iterator, Mapping

_COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
}  # fmt: skip
_OPERATORS: Mapping[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.FloorDiv,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.FloorDiv,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,),
}  # fmt: skip
_KEEPS_ITS_OBJECT = frozenset({
    "strip", "lstrip", "rstrip", "casefold", "lower", "upper", "removeprefix", "removesuffix", "replace",
    "model_copy",
})  # fmt: skip
_KEEPS_ITS_ARGUMENT = frozenset({"sorted", "reversed", "abs"})
_OTHER_NAME = {"any": "all", "all": "any", "min": "max", "max": "min"}
_OTHER_METHOD = {
    "startswith": "endswith", "endswith": "startswith", "partition": "rpartition",
    "rpartition": "partition", "fullmatch": "match", "match": "search", "issubset": "issuperset",
}  # fmt: skip
_EMPTY = {"str": "''", "bytes": "b''", "tuple": "()", "list": "[]", "dict": "{}", "set": "set()"}


def others(node: ast.expr, names: Mapping[str, object]) -> Iterator[ast.expr]:  # noqa: C901, PLR0912 - a table
    """What may stand instead of an expression."""
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
            if value:
                yield ast.Constant(value - 1)
        case ast.Constant(value=str() as value) if " " not in value:
            yield ast.Constant("" if value else "XX")
        case ast.Constant(value=bytes() as value) if b" " not in value:
            yield ast.Constant(b"" if value else b"XX")
        case ast.Compare(left=left, ops=operators, comparators=rights):
            for number, operator in enumerate(operators):
                for swapped in _COMPARISONS[type(operator)]:
                    yield ast.Compare(
                        left, [*operators[:number], swapped(), *operators[number + 1 :]], rights
                    )
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for number in range(len(node.values)):
                rest = node.values[:number] + node.values[number + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp(left=left, op=operator, right=right):
            for other_kind in _OPERATORS.get(type(operator), ()):
                yield ast.BinOp(left, other_kind(), right)
            yield left
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            kind = names.get(name)
            if isinstance(kind, enum.EnumMeta) and attribute in kind.__members__:
                members = list(kind.__members__)
                after = members[(members.index(attribute) + 1) % len(members)]
                yield ast.Attribute(node.value, after, ast.Load())
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            if name in _KEEPS_ITS_OBJECT:
                yield value
            if name in _OTHER_METHOD:
                other = ast.Attribute(value, _OTHER_METHOD[name], ast.Load())
                yield ast.Call(other, node.args, node.keywords)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]):
            if name in _KEEPS_ITS_ARGUMENT:
                yield first
            if name in _OTHER_NAME:
                yield ast.Call(ast.Name(_OTHER_NAME[name], ast.Load()), node.args, node.keywords)


def other_returns(annotation: ast.expr | None) -> list[ast.expr]:
    """What a function of this type may return instead."""
    text = ast.unparse(annotation) if annotation else ""
    if text == "bool":
        return [ast.Constant(True), ast.Constant(False)]
    empty = _EMPTY.get(text.partition("[")[0]) if "None" not in text.rpartition("|")[2] else None
    return [ast.parse(empty or "None", mode="eval").body]
