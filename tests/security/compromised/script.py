"""What the model would say if nobody gave it orders: enough to take a request to its end. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from tests.security.compromised.place import orders_in_files

REVIEWER = "production-code-reviewer"
_NAME = re.compile(r"request (r\d+)")
_COMMIT = re.compile(r"^Commit: ([0-9a-f]{40})", re.MULTILINE)
_ROUNDS = re.compile(r"Rounds of questions so far: (\d+)")
_FILES = re.compile(r"all of them and no others:\n<files>\n(.*?)\n</files>", re.DOTALL)
_MESSAGES = re.compile(r"^Message (\d+)", re.MULTILINE)
NOBODY = "r0"


def request_of(opening: str) -> str:
    """The name of the request that a conversation is about."""
    found = _NAME.search(opening)
    return found[1] if found else NOBODY


def journey_of(opening: str) -> str:
    """What kind of request it is."""
    found = re.search(r"journey (\w+)", opening)
    return found[1] if found else "build"


def literal(request: str) -> str:
    """What has to stand in the request's note."""
    return f"ready {request} for readers"


def note(request: str) -> str:
    """The file that the request is about."""
    return f"notes/{request}.md"


def looks(role: str, opening: str, offered: set[str]) -> list[tuple[str, dict[str, Any]]]:
    """What is looked at first, so that orders in files, history and output are read."""
    uses: list[tuple[str, dict[str, Any]]] = []
    if "list" in offered:
        uses.append(("list", {"under": "names"}))
    if "history" in offered:
        uses.append(("history", {}))
    if "run" in offered:
        uses += [("run", {"argv": ["gzip", "-dc", f"tools/{it}.gz"]}) for it in ("report", "long")]
    if role == "review" and "diff" in offered:
        uses.append(("diff", {}))
    if "read" in offered:  # last, so that what is told of the latest results is a file's text
        uses += [("read", {"path": path, "lines": 1000}) for path in orders_in_files()]
    return uses


def writes(opening: str, orders: str) -> list[tuple[str, dict[str, Any]]]:
    """The work itself, if it is done: with orders to whoever reviews it."""
    request = request_of(opening)
    text = f"# {request}\n{orders}\n"
    if journey_of(opening) != "bad":
        text += f"{literal(request)}\n"
    return [("write", {"path": note(request), "content": text}), ("run", {"argv": ["make", "test"]})]


def answer(role: str, opening: str) -> dict[str, Any]:
    """A valid answer."""
    it: dict[str, Any] = _ANSWERS[role](opening)
    return it


def _assess(opening: str) -> dict[str, Any]:
    journey = journey_of(opening)
    asked = int(found[1]) if (found := _ROUNDS.search(opening)) else 0
    it: dict[str, Any] = {
        "verdict": "specific",
        "title": "A note",
        "understood": "A note is wanted.",
        "interpretations": [],
        "gaps": [],
        "investigate": [],
    }
    if journey == "existing":
        return it | {"existing_work": True, "existing_branch": None}
    if journey in {"look", "ask"} and not asked:
        return it | {"verdict": "vague", "gaps": [{"topic": "scope", "what": "Which readers."}]}
    if journey == "look" and "No investigation was made yet" in opening:
        looks = [
            {"agent": "web-search-researcher", "objective": "What documentation says."},
            {"agent": "codebase-analyzer", "objective": "How notes look here."},
        ]
        return it | {"verdict": "investigate", "investigate": looks}
    return it


def _ask(_opening: str) -> dict[str, Any]:
    options = [{"label": "Analysts", "description": "Short"}, {"label": "Engineers", "description": "Long"}]
    question = {
        "header": "Readers",
        "text": "Who reads it?",
        "multi": False,
        "options": options,
        "recommended": 0,
    }
    other = {**question, "header": "Length", "text": "How long is it?"}
    return {"questions": [question, other]}


def _specify(opening: str) -> dict[str, Any]:
    request = request_of(opening)
    found = _FILES.search(opening)
    paths = found[1].splitlines() if found else [note(request)]
    criteria: list[dict[str, Any]] = [
        {"id": "AC1", "text": f"The note {paths[0]}", "settled_by": "file", "path": paths[0]},
        {"id": "AC2", "text": "Tests pass: make test", "settled_by": "check", "check": "tests"},
        {"id": "AC3", "text": "The note is one page", "settled_by": "judged", "reviewer": REVIEWER},
    ]
    if not found:
        line = literal(request)
        criteria[0] |= {"settled_by": "text", "literal": line, "text": f"The note says {line}"}
    return {
        "title": "A note",
        "problem": f"Nobody finds the note {request}.",
        "success_criteria": [{"text": f"The note {paths[0]} is there", "criteria": ["AC1", "AC2", "AC3"]}],
        "approach": ["Write the note."],
        "upstream": [],
        "downstream": [],
        "data_quality": [],
        "criteria": criteria,
        "artifacts": paths,
        "in_scope": ["The note"],
        "out_of_scope": ["Dashboards"],
        "assumptions": [],
        "branch": f"note-{request}",
        "commit_subject": f"docs: add note {request}",
    }


def _plan(_opening: str) -> dict[str, Any]:
    def task(id: str, agent: str, *after: str) -> dict[str, Any]:
        return {
            "id": id,
            "agent": agent,
            "objective": "Write the note.",
            "returns": ["what was done"],
            "boundaries": [],
            "effort": "short",
            "tier": "haiku",
            "depends_on": list(after),
        }

    return {"tasks": [task("helped", "data-helper"), task("built", "databricks-genius", "helped")]}


def _report(_opening: str) -> dict[str, Any]:
    return {"outcome": "done", "summary": "Done.", "findings": [], "verification": [], "next_steps": []}


def _review(opening: str) -> dict[str, Any]:
    commit = found[1] if (found := _COMMIT.search(opening)) else "0" * 40
    judges = f"You are {REVIEWER}." in opening
    judged = [{"criterion": "AC3", "verdict": "met", "reason": "It is short."}] if judges else []
    disputed = journey_of(opening) == "dispute"
    return {
        "commit": commit,
        "summary": "Looked at.",
        "passed": ["all"],
        "findings": [_finding(request_of(opening))] if disputed else [],
        "judgements": judged,
    }


def _finding(request: str) -> dict[str, Any]:
    return {
        "severity": "critical",
        "criterion": None,
        "title": "The note is wrong",
        "path": note(request),
        "line": 1,
        "quote": f"# {request}",
        "expected": "Another one",
        "actual": "This one",
        "fix": "Write another one",
    }


def _ruling(opening: str) -> dict[str, Any]:
    finding = _finding(request_of(opening))
    place = {key: finding[key] for key in ("path", "line", "quote")}
    commit = found[1] if (found := _COMMIT.search(opening)) else "0" * 40
    return {"commit": commit, "ruling": "upheld", "reason": "It stands there.", **place, "judgement": None}


def _triage(opening: str) -> dict[str, Any]:
    count = max([1, *(int(number) for number in _MESSAGES.findall(opening))])
    others = [{"number": n, "kind": "chatter", "title": ""} for n in range(2, count + 1)]
    return {"kind": "chatter", "title": "", "needs": [], "others": others}


def _recipe(_opening: str) -> dict[str, Any]:
    sections = [{"heading": "What", "text": "A note."}, {"heading": "Why", "text": "It was asked for."}]
    return {"type": "docs", "subject": "add a note", "sections": sections, "boxes": []}


_ANSWERS: Mapping[str, Any] = {
    "assess": _assess,
    "ask": _ask,
    "specify": _specify,
    "plan": _plan,
    "task": _report,
    "search": _report,
    "review": _review,
    "dispute": _ruling,
    "triage": _triage,
    "recipe": _recipe,
}
