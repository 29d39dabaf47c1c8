"""The small template language of scenario files: Jinja expressions in strings, files by `{file: path}`."""

import re
from collections.abc import Callable, Iterator, Mapping

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

# No autoescape: what is rendered is JSON and source text for a model, never HTML.
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
# Jinja unescapes its string literals: a regular expression's \b would silently become a backspace.
_LONE_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\[^\\nt'\"]")
_WHOLE_EXPRESSION = re.compile(r"\s*\{\{((?:(?!\}\}).)+)\}\}\s*", re.DOTALL)

Functions = Mapping[str, Callable[..., JsonValue]]


class TemplateInvalid(Exception):
    """A template cannot be parsed or rendered; the text says why."""


def included(value: JsonValue) -> str | None:
    """The path if the value is an inclusion, `{file: path}`, else None."""
    if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
        return value["file"]
    return None


def leaves(value: JsonValue) -> Iterator[JsonValue]:
    """Every string and every inclusion in a value, depth first."""
    if isinstance(value, str) or included(value) is not None:
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


def check(text: str) -> None:
    """Parse a template without rendering it.

    Raises:
        TemplateInvalid: it is not a template.
    """
    try:
        _ENVIRONMENT.parse(text)
    except TemplateError as error:
        raise TemplateInvalid(f"not a template: {error.message}") from None
    if any(_LONE_BACKSLASH.search(expression) for expression in _EXPRESSION.findall(text)):
        raise TemplateInvalid("within {{ }} write each backslash twice, as in found('(\\\\d+)')")


def render(value: JsonValue, functions: Functions, files: Mapping[str, str]) -> JsonValue:
    """Render every string of a value; files come in as they are, without rendering.

    A string that is one expression and nothing else keeps the expression's type, so that
    `"{{ found('line ([0-9]+)') | int }}"` becomes a number.

    Raises:
        TemplateInvalid: a name is unknown or a function found nothing.
    """
    path = included(value)
    if path is not None:
        return files[path]
    if isinstance(value, str):
        return _rendered(value, functions)
    if isinstance(value, dict):
        return {key: render(item, functions, files) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, functions, files) for item in value]
    return value


def _rendered(text: str, functions: Functions) -> JsonValue:
    whole = _WHOLE_EXPRESSION.fullmatch(text)
    try:
        if whole is None:
            return _ENVIRONMENT.from_string(text).render(functions)
        result: JsonValue = _ENVIRONMENT.compile_expression(whole[1].strip(), undefined_to_none=False)(
            functions
        )
        if isinstance(result, StrictUndefined):
            str(result)  # raises with the missing name
    except (TemplateError, TypeError, ValueError, LookupError) as error:
        raise TemplateInvalid(str(error)) from None
    return result
