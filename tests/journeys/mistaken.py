"""A model that does well but for what a test tells it to say first."""

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.rehearsal import ReceivedCall, Reply
from bot.playground.script import Fault

Answer = Mapping[str, Any] | str | Fault | Callable[[ReceivedCall], "Answer"]
"""JSON, a text as it is, a fault, or what makes one of these of the call."""


# ---------------------------------------------------------------- what a model says that does well

ASSESSED = {
    "verdict": "specific",
    "title": "A greeting",
    "understood": "A file that greets.",
    "interpretations": [],
    "gaps": [],
    "investigate": [],
}
VAGUE = {**ASSESSED, "verdict": "vague", "gaps": [{"topic": "scope", "what": "Whom it greets."}]}
SCOPE = {
    "header": "Scope",
    "text": "Whom does it greet?",
    "multi": False,
    "options": [
        {"label": "Everyone", "description": "Simple."},
        {"label": "Riley", "description": "Personal."},
    ],
    "recommended": 0,
}
ASKED = {"questions": [SCOPE]}
PLANNED = {
    "tasks": [
        {
            "id": "write",
            "agent": "databricks-genius",
            "objective": "Write the greeting.",
            "returns": ["The path"],
            "boundaries": [],
            "effort": "A minute.",
            "tier": "sonnet",
            "depends_on": [],
            "condition": None,
        }
    ]
}
REPORT = {
    "outcome": "done",
    "summary": "The greeting is written.",
    "findings": [],
    "verification": [],
    "next_steps": [],
}


def spec(*checks: str) -> dict[str, Any]:
    """A spec that the lint takes: one new file, and these checks."""
    named = [
        {"id": f"AC{number}", "text": f"The check {name} passes.", "settled_by": "check", "check": name}
        for number, name in enumerate(checks, start=2)
    ]
    return {
        "title": "A greeting",
        "problem": "Nothing greets whoever opens the repository.",
        "success_criteria": [
            {"text": "A file notes/hello.md greets.", "criteria": ["AC1", *(it["id"] for it in named)]}
        ],
        "approach": ["Write one file."],
        "upstream": [],
        "downstream": [],
        "data_quality": [],
        "criteria": [
            {
                "id": "AC1",
                "text": "The file notes/hello.md exists.",
                "settled_by": "file",
                "path": "notes/hello.md",
            },
            *named,
        ],
        "artifacts": ["notes/hello.md"],
        "in_scope": ["The file notes/hello.md."],
        "out_of_scope": [],
        "assumptions": [],
        "branch": "greeting",
        "commit_subject": "Add a greeting",
    }


def review(call: ReceivedCall, **changes: Any) -> dict[str, Any]:
    """A review of the commit that the call is about, with changes."""
    found = re.search(r"^Commit: ([0-9a-f]{40})$", call.conversation.opening, re.MULTILINE)
    assert found is not None
    good: dict[str, Any] = {
        "commit": found[1],
        "summary": "It greets.",
        "passed": [],
        "findings": [],
        "judgements": [],
    }
    return {**good, **changes}


@dataclass
class Mistaken:
    """A responder that does well, but for what it was told to say first.

    Attributes:
        checks: The checks that its specs name.
    """

    checks: tuple[str, ...] = ("green",)
    wrong: dict[tuple[str, str], deque[Answer]] = field(default_factory=lambda: defaultdict(deque))

    def say(self, about: str, role: str, *answers: Answer) -> None:
        """Answer the next calls of a role, for requests that hold these words, so."""
        self.wrong[about, role].extend(answers)

    def reply(self, call: ReceivedCall) -> Reply:
        """The next thing it was told to say, or what does well."""
        for (about, role), answers in self.wrong.items():
            if role == call.role and about in call.conversation.request and answers:
                return _reply(answers.popleft(), call)
        return self._well(call)

    def _well(self, call: ReceivedCall) -> Reply:
        match call.role.partition(":")[0]:
            case "assess":
                return _reply(ASSESSED, call)
            case "ask":
                return _reply(ASKED, call)
            case "specify":
                return _reply(spec(*self.checks), call)
            case "plan":
                return _reply(PLANNED, call)
            case "task" if not call.conversation.results_of("write"):
                path = {"path": "notes/hello.md", "content": "Hello.\n"}
                return Reply([{"type": "tool_use", "id": "toolu_1", "name": "write", "input": path}])
            case "task":
                return _reply(REPORT, call)
            case "review":
                return _reply(review, call)
            case _:
                return _reply({"kind": "chatter", "title": ""}, call)


def _reply(answer: Answer, call: ReceivedCall) -> Reply:
    if isinstance(answer, Fault):
        return Reply([{"type": "text", "text": '{"verdict": "specific", "title": "half'}], fault=answer)
    if isinstance(answer, str):
        return Reply([{"type": "text", "text": answer}] if answer else [])
    if isinstance(answer, Mapping):
        return Reply([{"type": "text", "text": json.dumps(answer)}])
    return _reply(answer(call), call)
