"""A scripted spec with the criteria that people left in it: what any model is held to. Pure.

A sentence that the script knows keeps what settles it there; every other one is a reviewer's to judge, for
a script cannot read it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

REVIEWER = "production-code-reviewer"

_ASKED = re.compile(
    r"^The (acceptance|success) criteria become exactly these, in this order and to the letter:\n"
    r"((?:(?:AC|SC)\d+: .*(?:\n|$))+)",
    re.MULTILINE,
)
_WAS = re.compile(r"^(?:AC|SC)\d+ was “(.*)” and now reads, as (?:AC|SC)(\d+): “.*”\.$", re.MULTILINE)
_NOTE = re.compile(r"<note>\n(.*?)\n</note>", re.DOTALL)

Answer = Mapping[str, Any]


def as_left(answer: Answer, opening: str) -> Answer:
    """The answer, with the criteria of the newest edit if one is what the call asks for.

    Args:
        answer: A scripted spec; anything else comes back as it is.
        opening: The call's first message.
    """
    if not {"criteria", "success_criteria"} <= answer.keys():
        return answer
    notes = [note for note in _NOTE.findall(opening) if note.strip()]
    asked = [(note, found) for note in notes if (found := _ASKED.search(note))]
    if not asked:
        return answer
    note, found = asked[-1]
    texts = [line.partition(": ")[2] for line in found[2].splitlines()]
    was = {int(number): old for old, number in _WAS.findall(note)}
    # Scripts list what was asked for by how it begins; an edit stands in the criteria themselves.
    scope = [line for line in answer.get("in_scope", ()) if not line.endswith(f": {note.splitlines()[0]}")]
    changed = (_criteria if found[1] == "acceptance" else _success)(answer, texts, was)
    return {**changed, "in_scope": scope}


def _criteria(answer: Answer, texts: Sequence[str], was: Mapping[int, str]) -> Answer:
    known = {one["text"]: one for one in answer["criteria"]}
    criteria, called, new = [], {}, []
    for number, text in enumerate(texts, start=1):
        id = f"AC{number}"
        old = known.get(text) or known.get(was.get(number, ""))
        if text in known:
            criteria.append({**known[text], "id": id})
        else:
            criteria.append({"id": id, "text": text, "settled_by": "judged", "reviewer": REVIEWER})
        if old:
            called[old["id"]] = id
        else:
            new.append(id)
    success = [
        {**one, "criteria": [called[id] for id in one["criteria"] if id in called]}
        for one in answer["success_criteria"]
    ]
    success[-1]["criteria"] += new
    for one in success:
        one["criteria"] = one["criteria"] or [criteria[-1]["id"]]
    return {**answer, "criteria": criteria, "success_criteria": success}


def _success(answer: Answer, texts: Sequence[str], was: Mapping[int, str]) -> Answer:
    known = {one["text"]: one["criteria"] for one in answer["success_criteria"]}
    every = [one["id"] for one in answer["criteria"]]
    success = [
        {"text": text, "criteria": known.get(text) or known.get(was.get(number, "")) or every}
        for number, text in enumerate(texts, start=1)
    ]
    left_out = [id for id in every if not any(id in one["criteria"] for one in success)]
    success[-1]["criteria"] = [*success[-1]["criteria"], *left_out]
    return {**answer, "success_criteria": success}
