"""A look into the web: told people's own words, and nothing that has seen the repository.

Everything in the call is either ours or was typed by a person in the thread: no path, file, report, option
label, objective or section of a spec is, because models that read the repository wrote those.
`tests/engine/runs/test_search.py` holds that.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from engine.agents.loop import WEB_RESULT, Assignment, work
from engine.agents.roster import Agent
from engine.errors import NeedsPerson
from engine.events import Mark, Origin, TaskEnded
from engine.ports import WebTool
from engine.prompts import render
from engine.request import Snapshot
from engine.runs.context import Context
from engine.runs.material import discussion
from engine.schemas import Claim, Report
from engine.settings import WebSettings

TURNS = 6


async def search(context: Context, agent: Agent) -> TaskEnded:
    """Look the thread's question up on the web.

    Args:
        context: Of the run; of its snapshot only what people typed is used.
        agent: A built-in one that searches: a repository's files have no say in this call.

    Raises:
        NeedsPerson: the web is switched off; see `engine.agents.loop.work` for the rest.
    """
    web = context.settings.web
    if not web.enabled:
        raise NeedsPerson("Searching the web is switched off in the configuration.")
    report = await work(
        context,
        Assignment(
            role=f"task:{agent.name}",
            tier=agent.tier,
            system=render("search.system", agent=agent, domains=web.allowed_domains),
            prompt=render(
                "search.user",
                request=context.snapshot.text,
                thread=await discussion(context),
                typed=typed(context.snapshot),
            ),
            schema=Report,
            web=tools(web, [tool.value for tool in agent.tools]),
            turns=TURNS,
        ),
    )
    seen = {
        address
        for receipt in await context.store.receipts(context.run.id)
        if receipt.tool == WEB_RESULT
        for address in receipt.output.splitlines()
    }
    marks = web_marks(report, seen, web.allowed_domains)
    return TaskEnded(task=context.run.about, report=report, marks=marks, commit="")


def tools(web: WebSettings, names: Sequence[str]) -> tuple[WebTool, ...]:
    """The provider's own tools, bounded by what the operator allows."""
    return tuple(
        WebTool(
            name=name,
            allowed_domains=web.allowed_domains,
            max_uses=web.max_uses,
            page_tokens=web.page_tokens,
        )
        for name in names
    )


def typed(snapshot: Snapshot) -> tuple[str, ...]:
    """What people typed since the request: answers in their own words, and notes they did not pick.

    Edits of a spec's section stay out: people changed some of its lines, and a model wrote the rest.
    """
    answers = [
        given.text for round_ in snapshot.rounds for given in round_.given if given is not None and given.text
    ]
    notes = [note.text for note in snapshot.notes if not note.picked and not note.section]
    return (*answers, *notes)


def web_marks(report: Report, seen: set[str], domains: Sequence[str]) -> tuple[Mark, ...]:
    """Marks in the order of a report's claims. None is verified: git proves nothing about the web."""
    ran = (
        Mark(claim=said.claim, verified=False, why="a search of the web runs no commands", origin=Origin.WEB)
        for said in report.verification
    )
    found = (
        Mark(claim=claim.claim, verified=False, why=_why(claim, seen, domains), origin=Origin.WEB)
        for claim in report.findings
    )
    return (*ran, *found)


def _why(claim: Claim, seen: set[str], domains: Sequence[str]) -> str:
    if not claim.cites:
        return "from the web, and names no page"
    for cite in claim.cites:
        if cite.strip() not in seen or not allowed(cite.strip(), domains):
            return f"from the web, but the search never came to {cite}"
    return "from the web: the search came to the pages it names"


def allowed(address: str, domains: Sequence[str]) -> bool:
    """Whether an address is a page of one of these domains."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
