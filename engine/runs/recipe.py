"""Title and body of the pull request for work that existed already, drafted by an agent without tools.

It fills the repository's own form, or ours. What it cannot do: tick a box, choose a ticket, or keep the
pull request from being opened; where its answer cannot be used, the form goes out with our own words.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from engine import existing
from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.errors import AnswerUnusable, TurnLimit
from engine.prompts import render
from engine.request import Settled, SpecVersion
from engine.runs import form, pull_request
from engine.runs.context import Context
from engine.runs.form import Evidence, Form
from engine.runs.material import approved_spec, text_at
from engine.schemas import ChangeType, FormSection, PullRequestText

AGENT = "github-recipe"
TEMPLATES = (
    ".github/pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    "pull_request_template.md",
    "PULL_REQUEST_TEMPLATE.md",
    "docs/pull_request_template.md",
    "docs/PULL_REQUEST_TEMPLATE.md",
)


async def drafted(context: Context, settled: Sequence[Settled]) -> tuple[str, str]:
    """Title, and the filled form as Markdown.

    Raises:
        CapReached, Transient, ModelRefused, ScriptEnded: see `engine.agents.calls.ask_model`.
    """
    spec, current = approved_spec(context.snapshot), context.snapshot.round
    blank = form.read_form(await _template(context, spec.base_commit))
    # This runs only where the gate let the commit through: every required review counts.
    known = form.evidence(spec.draft, settled, current.results or () if current else (), reviewed=True)
    text = await _text(context, spec, blank, known)
    ticket = spec.existing.ticket if spec.existing else ""
    title = pull_request.titled(text.type.value, ticket, text.subject)
    sections = {section.heading: section.text for section in text.sections}
    ticks = form.ticked(blank, text.boxes, known)
    done = form.filled(blank, sections, ticks)
    # Words in place of a form's own may take the end of something away that hides what follows.
    fits = form.stands_alone(done) and len(done) <= form.LONGEST_FILLED
    return title, done if fits else form.filled(blank, {}, ticks)


async def _template(context: Context, base: str) -> str:
    for path in TEMPLATES:
        text = await text_at(context.workspace, base, path)
        if text and text.strip() and form.stands_alone(text[: form.LONGEST_FORM]):
            return text
    return files("engine.runs").joinpath("pull_request_form.md").read_text("utf-8")


async def _text(
    context: Context, spec: SpecVersion, blank: Form, known: Mapping[str, Evidence]
) -> PullRequestText:
    agent = (await roster_at(context.workspace, spec.base_commit)).agents[AGENT]
    subjects = [entry.subject for entry in await context.workspace.history(spec.base_commit, limit=30)]
    projects = existing.prefixes(subjects)

    async def check(text: PullRequestText) -> Sequence[str]:
        return wrong(text, blank, tuple(known), _ticket(spec), projects)

    context.tell("Drafting the pull request's title and body")
    assignment = Assignment(
        role=f"task:{AGENT}",
        tier=agent.tier,
        system=render("recipe.system", agent=agent),
        prompt=render(
            "recipe.user",
            snapshot=context.snapshot,
            draft=spec.draft,
            ticket=_ticket(spec),
            form=blank,
            evidence=tuple(known.values()),
            changes=await context.workspace.changes(spec.base_commit, context.snapshot.head),
        ),
        schema=PullRequestText,
        check=check,
        turns=3,
        max_tokens=4_000,
    )
    try:
        return await work(context, assignment)
    except (AnswerUnusable, TurnLimit):
        return _plain(spec, blank)


def wrong(
    text: PullRequestText, blank: Form, known: Sequence[str], ticket: str, projects: frozenset[str]
) -> tuple[str, ...]:
    """What may not go out, in sentences for the model."""
    problems = form.unknown(blank, text.boxes, known)
    headings = {section.heading for section in text.sections} - {*blank.headings, ""}
    problems += [f"The form has no heading {heading!r}." for heading in sorted(headings)]
    words = "\n".join([text.subject, *(section.text for section in text.sections)])
    invented = existing.foreign_keys(words, ticket, projects)
    if invented:
        problems.append(f"{', '.join(invented)} was not given to you: leave it out.")
    if ticket and ticket in text.subject:
        problems.append("The subject comes without the ticket's key: it is put before it.")
    return tuple(problems)


def _ticket(spec: SpecVersion) -> str:
    return spec.existing.ticket if spec.existing else ""


def _plain(spec: SpecVersion, blank: Form) -> PullRequestText:
    """Our own words: the approved subject and the problem it solves, every box open."""
    kind, _, rest = spec.draft.commit_subject.partition(":")
    known = kind.partition("(")[0].strip()
    subject = rest.strip() if known in set(ChangeType) and rest.strip() else spec.draft.commit_subject
    first = blank.headings[0] if blank.headings else ""
    return PullRequestText(
        type=ChangeType(known) if known in set(ChangeType) else ChangeType.FEAT,
        subject=subject[:72],
        sections=(FormSection(heading=first[:200], text=spec.draft.problem),),
        boxes=(),
    )
