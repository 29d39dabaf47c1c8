"""What must hold between the parts of a specification before people are asked to approve it. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.leaks import in_text
from engine.paths import artifact_problems
from engine.prepare_settings import below
from engine.schemas import Criterion, SettledBy, SpecDraft
from engine.settings import CheckSettings
from engine.wording import hidden_in, immeasurable, says_something, shares_word, texts_in

MOST_CRITERIA = 12
MOST_ARTIFACTS = 20

_FIELDS = ("check", "path", "literal", "reviewer", "who", "how", "when")
_NEEDS = {
    SettledBy.CHECK: ("check",),
    SettledBy.FILE: ("path",),
    SettledBy.TEXT: ("path", "literal"),
    SettledBy.JUDGED: ("reviewer",),
    SettledBy.ATTESTED: ("who", "how", "when"),
}
SLUG = re.compile(r"(?!.{51})[a-z0-9]+(?:-[a-z0-9]+)*")
_CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w./-]*#\d|gh-\d|https?://)", re.IGNORECASE
)
_MENTION = re.compile(r"(?<![\w.])@\w")
_TRAILER = re.compile(
    r"\b[a-z]+(?:-[a-z]+)*-by\s*:|\[(?:skip ci|ci skip|no ci|skip actions)\]", re.IGNORECASE
)
_COMMON = frozenset(
    {
        *(
            "true",
            "false",
            "null",
            "none",
            "select",
            "from",
            "where",
            "join",
            "table",
            "view",
            "name",
            "file",
        ),
        *(
            "path",
            "type",
            "value",
            "test",
            "tests",
            "data",
            "import",
            "return",
            "class",
            "public",
            "const",
            "todo",
        ),
        *(
            "with",
            "this",
            "that",
            "columns",
            "column",
            "example",
            "title",
            "description",
            "version",
            "source",
        ),
    }
)


@dataclass(frozen=True)
class Base:
    """The base commit and the repository's configuration.

    Attributes:
        files: Every path of the base commit.
        text: A file's text at the base commit, None if there is no such (text) file.
        checks: The configured checks, by name.
        reviewers: Names of the agents that may judge a criterion.
        packages: Modules that are installed where checks run.
        locks: Files that decide which dependencies are prepared for checks.
        prepared: Directories that hold them.
    """

    files: frozenset[str]
    text: Callable[[str], str | None]
    checks: Mapping[str, CheckSettings]
    reviewers: tuple[str, ...]
    packages: frozenset[str] = frozenset()
    locks: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()


def lint(draft: SpecDraft, facts: Base) -> tuple[str, ...]:
    """Everything that is wrong with a draft, in sentences for the model that repairs it; empty: nothing."""
    if len(draft.criteria) > MOST_CRITERIA or len(draft.artifacts) > MOST_ARTIFACTS:
        return (
            f"The spec has {len(draft.criteria)} criteria and {len(draft.artifacts)} artifacts; at most "
            f"{MOST_CRITERIA} and {MOST_ARTIFACTS} are allowed: split the request and specify one part.",
        )
    problems = [
        *hidden_in(draft),
        *_secrets(draft),
        *_ids(draft),
        *(problem for criterion in draft.criteria for problem in _criterion(criterion, draft, facts)),
        *_something_new(draft, facts),
        *_other_dependencies(draft, facts),
        *_success(draft, facts),
        *artifact_problems(
            draft.artifacts, facts.files, [check.argv for check in facts.checks.values()], facts.packages
        ),
        *_scope(draft),
        *_names(draft),
    ]
    return tuple(dict.fromkeys(problems))


# ---------------------------------------------------------------- criteria


def _secrets(draft: SpecDraft) -> Iterable[str]:
    for place, text in texts_in(draft):
        for leak in in_text(place, text)[:1]:
            yield f"{place} looks like a secret ({leak.kind}); say where it is kept, never what it is."


def _ids(draft: SpecDraft) -> Iterable[str]:
    ids = [criterion.id for criterion in draft.criteria]
    wanted = [f"AC{number}" for number in range(1, len(ids) + 1)]
    if ids != wanted:
        yield f"Criteria are numbered in order without gaps: {', '.join(wanted)}; found {', '.join(ids)}."


def _criterion(criterion: Criterion, draft: SpecDraft, facts: Base) -> Iterable[str]:
    yield from _fields(criterion)
    if all(_given(criterion, field) for field in _NEEDS[criterion.settled_by]):
        match criterion.settled_by:
            case SettledBy.CHECK:
                yield from _check(criterion, facts)
            case SettledBy.FILE | SettledBy.TEXT:
                yield from _object(criterion, draft, facts)
            case SettledBy.JUDGED if criterion.reviewer not in facts.reviewers:
                yield (
                    f"{criterion.id}: there is no reviewer {criterion.reviewer!r}; "
                    f"known are {_list(facts.reviewers)}."
                )
    yield from _measurable(criterion.id, criterion.text, [criterion], facts)
    for name in ("how", "when"):
        vague = immeasurable(getattr(criterion, name) or "", settled=False)
        if vague:
            yield f"{criterion.id}, {name}: {vague!r} cannot be confirmed; say it exactly."


def _fields(criterion: Criterion) -> Iterable[str]:
    needed = _NEEDS[criterion.settled_by]
    missing = [field for field in needed if not _given(criterion, field)]
    foreign = [field for field in _FIELDS if field not in needed and _given(criterion, field)]
    kind = criterion.settled_by
    if missing:
        yield f"{criterion.id} is settled by {kind} and needs {' and '.join(missing)}."
    if foreign:
        yield f"{criterion.id} is settled by {kind}; leave out {' and '.join(foreign)}."


def _check(criterion: Criterion, facts: Base) -> Iterable[str]:
    check = facts.checks.get(criterion.check or "")
    if check is None:
        known = _list(sorted(facts.checks))
        yield f"{criterion.id}: there is no check {criterion.check!r}; known are {known}."
    elif not _speaks_of_check(criterion.text, criterion.check or "", check):
        about = f" ({check.about})" if check.about else ""
        yield (
            f"{criterion.id}: check {criterion.check!r}{about} proves nothing about {criterion.text!r}; "
            "choose another way to settle it, or say what the check shows."
        )


def _speaks_of_check(text: str, name: str, check: CheckSettings) -> bool:
    command = " ".join(check.argv)
    return re.search(rf"(?<![\w-]){re.escape(command)}(?![\w-])", text) is not None or shares_word(
        text, f"{name} {command} {check.about}"
    )


def _object(criterion: Criterion, draft: SpecDraft, facts: Base) -> Iterable[str]:
    path, literal = criterion.path or "", criterion.literal or ""
    if criterion.settled_by is SettledBy.TEXT:
        yield from _literal(criterion.id, literal)
    if _true_at_base(criterion, facts):
        yield f"{criterion.id} is already true before the work; ask for something that is not there yet."
    elif path not in draft.artifacts:
        there = (
            "is not among the artifacts, so it will not change"
            if path in facts.files
            else "is neither there nor an artifact"
        )
        yield f"{criterion.id}: {path!r} {there}; add it to the artifacts or name another file."


def _literal(name: str, literal: str) -> Iterable[str]:
    letters = sum(char.isalnum() for char in literal)
    if literal != literal.strip() or any(char.isspace() and char != " " for char in literal):
        yield f"{name}: the literal must be within one line, without blanks around it."
    elif len(literal) < 4 or letters < 3 or literal.casefold().strip("`'\"*_:;,.#-() ") in _COMMON:
        yield f"{name}: the literal {literal!r} would match by accident; choose a longer, telling one."


def _true_at_base(criterion: Criterion, facts: Base) -> bool:
    path = criterion.path or ""
    if criterion.settled_by is SettledBy.FILE:
        return path in facts.files
    return criterion.settled_by is SettledBy.TEXT and (criterion.literal or "") in (facts.text(path) or "")


def _something_new(draft: SpecDraft, facts: Base) -> Iterable[str]:
    objects = [c for c in draft.criteria if c.settled_by in {SettledBy.FILE, SettledBy.TEXT}]
    if not any(_given(c, "path") and not _true_at_base(c, facts) for c in objects):
        yield (
            "No criterion is known to be false before the work: add at least one that is settled by a file "
            "or a text that is not there yet."
        )


def _other_dependencies(draft: SpecDraft, facts: Base) -> Iterable[str]:
    for path in draft.artifacts:
        for output in facts.prepared:
            if below(path, output):
                yield f"{path!r} lies in {output}, which is made of the lock files and part of no commit."
    changed = [path for path in draft.artifacts if path in facts.locks]
    named = [c.id for c in draft.criteria if c.settled_by is SettledBy.CHECK]
    if changed and named:
        yield (
            f"{_list(changed)} decides which dependencies are installed, and only the base's ever are. No "
            f"check is run on work that changes it, so {_list(named)} cannot be settled by one: leave the "
            "file out of the artifacts, or have a person confirm those (attested)."
        )


# ---------------------------------------------------------------- words


def _success(draft: SpecDraft, facts: Base) -> Iterable[str]:
    known = {criterion.id: criterion for criterion in draft.criteria}
    for number, success in enumerate(draft.success_criteria, start=1):
        place = f"Success criterion {number}"
        unknown = [repr(name) for name in success.criteria if name not in known]
        if unknown:
            yield f"{place} names {_list(unknown)}, which the spec does not have."
        yield from _measurable(place, success.text, [known[n] for n in success.criteria if n in known], facts)


def _measurable(place: str, text: str, criteria: Iterable[Criterion], facts: Base) -> Iterable[str]:
    if not says_something(text):
        yield f"{place}: {text!r} names no outcome that could be measured."
    named = list(criteria)
    if any(c.literal and c.literal in text for c in named):
        return
    vague = immeasurable(text, settled=any(_names_its_check(text, c, facts) for c in named))
    if vague:
        yield f"{place}: {vague!r} cannot be measured; give a number, or say what will be seen where."


def _names_its_check(text: str, criterion: Criterion, facts: Base) -> bool:
    check = facts.checks.get(criterion.check or "") if criterion.settled_by is SettledBy.CHECK else None
    return check is not None and _speaks_of_check(text, criterion.check or "", check)


def _scope(draft: SpecDraft) -> Iterable[str]:
    inside = {_folded(line) for line in draft.in_scope}
    for line in draft.out_of_scope:
        if _folded(line) in inside:
            yield f"{line!r} is both in and out of scope; decide."


def _names(draft: SpecDraft) -> Iterable[str]:
    if not SLUG.fullmatch(draft.branch):
        yield f"Branch {draft.branch!r} must be lower-case words with dashes, such as add-resolution-time."
    subject = draft.commit_subject
    if not subject.strip() or len(subject.splitlines()) != 1:
        yield "The commit subject must be one line."
    if _TRAILER.search(subject) or _MENTION.search(subject) or _CLOSING.search(subject):
        yield "The commit subject must hold no trailers, CI directives, mentions or closing keywords."


def _given(criterion: Criterion, field: str) -> bool:
    return bool((getattr(criterion, field) or "").strip())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
