"""The prompts, as Jinja templates beside this file; the only place where prompts live.

Whatever people, repositories or models wrote passes the filter `fenced`, which keeps it inside its tags.
Templates are strict: a value that is not given is an error, never an empty string.
"""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

FENCES = (
    "request",
    "thread",
    "answer",
    "note",
    "report",
    "file",
    "files",
    "rules",
    "spec",
    "diff",
    "finding",
    "advice",
    "message",
)

_TAG = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(FENCES)})\b)", re.IGNORECASE)


def render(name: str, **values: object) -> str:
    """Render the template NAME.md.

    Raises:
        jinja2.UndefinedError: the template uses a value that was not given.
    """
    return _environment().get_template(f"{name}.md").render(values)


def fenced(text: str, tag: str, limit: int = 40_000) -> str:
    """Untrusted text between `<tag>` and `</tag>`, unable to close them or to open another fence.

    Args:
        text: Anything. What looks like a fence's tag in it loses its `<`.
        tag: One of FENCES.
        limit: Characters kept; more is cut from the middle, visibly.
    """
    if tag not in FENCES:
        raise ValueError(f"{tag} is not a fence")
    return f"<{tag}>\n{defused(cut(text.strip(), limit))}\n</{tag}>"


def defused(text: str) -> str:
    """The text with `&lt;` in place of the `<` of everything that looks like a fence's tag."""
    return _TAG.sub("&lt;", text)


def cut(text: str, limit: int) -> str:
    """At most about `limit` characters: the beginning, a line that says what is left out, the end."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[-(limit // 3) :]
    return f"{head}\n[… {len(text) - len(head) - len(tail)} characters left out …]\n{tail}"


@cache
def _environment() -> Environment:
    # No autoescape: the result is read by a model; `fenced` is what keeps untrusted text in its place.
    environment = Environment(
        loader=PackageLoader("engine", "prompts"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["fenced"] = fenced
    return environment
