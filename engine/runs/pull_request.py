"""Title and body of the draft pull request: our words, with everybody else's made harmless.

Every value the template prints is escaped unless it is marked as safe: no text of a model, a person or a
file can mention anybody, close or link an issue, load an image, or bring markup of its own. What has the form
of a credential is taken out.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from engine.findings import numbered, standing
from engine.request import Settled, Snapshot, SpecVersion, Status
from engine.runs.inert import inert, one_line
from engine.runs.verify import WHERE
from engine.schemas import Finding, Severity

LONGEST_BODY = 60_000
LONGEST_TITLE = 120

_MARKUP = re.compile(r"[\\`*\[\]~|$]|(?<![^\W_])_|_(?![^\W_])")
_OPENING = re.compile(r"^(?=[#>+=-])|^(\d+)(?=[.)](?:\s|$))")


class Safe(str):
    """Markdown of our own making."""

    __slots__ = ()


def title(spec: SpecVersion) -> str:
    """The approved commit subject, without mentions or references."""
    return inert(one_line(spec.draft.commit_subject))[:LONGEST_TITLE]


def titled(kind: str, ticket: str, subject: str) -> str:
    """A title of a type, a ticket's key (empty for none) and a subject; without mentions or references."""
    scope = f"({ticket})" if ticket else ""
    return inert(one_line(f"{kind}{scope}: {subject}"))[:LONGEST_TITLE]


def body(
    snapshot: Snapshot, settled: Sequence[Settled], names: Mapping[str, str], longest: int = LONGEST_BODY
) -> str:
    """The description: what was approved by whom, the evidence of each criterion, findings and reports.

    Args:
        snapshot: With an approved spec and a review round that passed.
        settled: How each criterion stands at the commit.
        names: What people are called, by user id.
        longest: In characters; the rest is left out, and that is said.
    """
    current = snapshot.round
    reviews = [r for r in (standing(current) if current else ()) if r.review and not r.invalid]
    findings: list[Finding] = [f for r in reviews if r.review for f in r.review.findings]
    withdrawn = [one for one in (numbered(current) if current else ()) if one.withdrawn]
    text = (
        _environment()
        .get_template("pull_request.md")
        .render(
            snapshot=snapshot,
            spec=snapshot.spec,
            draft=snapshot.spec.draft if snapshot.spec else None,
            round=current,
            settled=settled,
            reviews=reviews,
            minor=[finding for finding in findings if finding.severity is Severity.MINOR],
            withdrawn=withdrawn,
            names=names,
            places=WHERE,
            not_checked=[one.id for one in settled if one.status is Status.NOT_CHECKED],
        )
    )
    if len(text) <= longest:
        return text
    return (
        text[:longest].rpartition("\n")[0] + "\n\n(The rest is left out: it is too long for a description.)\n"
    )


def escaped(value: object) -> str:
    """Any value as inert Markdown on one line."""
    if isinstance(value, Safe):
        return value
    text = one_line(str(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKUP.sub(lambda found: "\\" + found[0], text)
    text = _OPENING.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", text)
    return inert(text)


def code(value: object) -> Safe:
    """Any value as a code span, in which forges interpret nothing; bots may read it all the same."""
    text = inert(one_line(str(value)))
    if not text:
        return Safe("")
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    space = " " if text[0] == "`" or text[-1] == "`" else ""
    return Safe(f"{fence}{space}{text}{space}{fence}")


@cache
def _environment() -> Environment:
    # `finalize` is the escaping: HTML's would not do for Markdown.
    environment = Environment(
        loader=PackageLoader("engine", "runs"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=escaped,
    )
    environment.filters["code"] = code
    return environment
