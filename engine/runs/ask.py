"""Step 2: the questions that close the gaps."""

import re
from collections.abc import Sequence

from engine.agents.loop import Assignment, work
from engine.agents.toolboxes import LOOKING, reader
from engine.events import Asked
from engine.prompts import render
from engine.request import Round
from engine.runs.context import Context
from engine.runs.material import discussion, view
from engine.schemas import Question, Questions

_ADDED = {"other", "you decide", "not sure", "not sure find out"}


async def run(context: Context) -> Asked:
    """Write the next round of questions.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`.
    """
    context.tell("Writing questions")
    snapshot = context.snapshot

    async def check(answer: Questions) -> Sequence[str]:
        return wrong(answer, snapshot.rounds)

    prompt = render(
        "ask.user",
        snapshot=snapshot,
        thread=await discussion(context),
        repository=await view(context.workspace, snapshot.base_commit),
        assessment=snapshot.assessment,
    )
    questions = await work(
        context,
        Assignment(
            role="ask",
            tier=context.settings.roles.ask,
            system=render("ask.system"),
            prompt=prompt,
            schema=Questions,
            check=check,
            toolbox=reader(LOOKING, context.workspace, snapshot.base_commit, snapshot.base_commit),
        ),
    )
    return Asked(questions=questions)


def wrong(answer: Questions, earlier: Sequence[Round]) -> tuple[str, ...]:
    """What may not be asked, in sentences for the model."""
    asked = {_words(question.text) for round in earlier for question in round.questions}
    problems: list[str] = []
    for number, question in enumerate(answer.questions, start=1):
        words = _words(question.text)
        if not words:
            problems.append(f"Question {number} has no words.")
        elif words in asked:
            problems.append(f"Question {number} was asked already: leave it out or ask what is still open.")
        asked.add(words)
        problems += [f"Question {number}: {problem}" for problem in _options(question)]
    headers = [_words(question.header) for question in answer.questions]
    if len(set(headers)) != len(headers):
        problems.append("Two questions have the same header: join them, or name what each is about.")
    return tuple(problems)


def _options(question: Question) -> list[str]:
    labels = [_words(option.label) for option in question.options]
    problems = []
    if len(set(labels)) != len(labels):
        problems.append("two options say the same.")
    if _ADDED & set(labels):
        problems.append("“Other” and “You decide” are added by themselves; offer real options only.")
    return problems


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
