"""The table: every action and who may do it, by hand from DESIGN's invariants, not from what happens.

An action is a button with its window, or words; `offered` in wire.py finds it on the card that holds it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from engine.events import Choice


class Who(StrEnum):
    """People, and what else acts in a channel."""

    APPROVER = "approver"
    SECOND = "second approver"
    REQUESTER = "requester"
    BOTH = "requester among the approvers"
    BYSTANDER = "bystander of the team"
    GUEST = "guest, one channel"
    WIDER_GUEST = "guest, several channels"
    OUTSIDER = "of a connected workspace"
    SILENT_OUTSIDER = "the same, team not told"
    NAMESAKE = "approver's id, other team"
    GONE = "deactivated"
    BOT = "bot user"
    SLACKBOT = "Slackbot"
    ERROR = "Slack cannot tell: 500"
    BUSY = "Slack cannot tell: 429"
    CUT = "Slack cannot tell: cut off"
    NOT_FOUND = "Slack does not know them"
    NO_SCOPE = "Slack may not tell: scope"


TEAM = frozenset({Who.APPROVER, Who.SECOND, Who.REQUESTER, Who.BOTH, Who.BYSTANDER})
CONCERNED = TEAM - {Who.BYSTANDER}
APPROVERS = frozenset({Who.APPROVER, Who.SECOND})
NO_HUMAN_OF_THE_TEAM = {Who.OUTSIDER, Who.SILENT_OUTSIDER, Who.NAMESAKE, Who.BOT, Who.SLACKBOT}
HERE = frozenset(Who) - NO_HUMAN_OF_THE_TEAM
"""Who may stop and pause, as long as Slack does not tell against it: nothing may hold these up."""

NOBODY = "Guests, bots and people of other workspaces cannot ask, answer or decide here"
UNTOLD = "Slack did not tell me who this is. Please try again in a moment."

TURNED_AWAY = {
    Who.GUEST: NOBODY,
    Who.WIDER_GUEST: NOBODY,
    Who.OUTSIDER: NOBODY,
    Who.SILENT_OUTSIDER: NOBODY,
    Who.NAMESAKE: NOBODY,
    Who.GONE: "This person's account is deactivated.",
    Who.BOT: NOBODY,
    Who.SLACKBOT: NOBODY,
    Who.ERROR: UNTOLD,
    Who.BUSY: UNTOLD,
    Who.CUT: UNTOLD,
    Who.NOT_FOUND: "Slack refused to tell me who this is (user_not_found).",
    Who.NO_SCOPE: "I lack a permission in Slack.",
}
"""What everybody is told who is named as an approver in the configuration, and may not act all the same."""


@dataclass(frozen=True)
class Row:
    """An action.

    Attributes:
        of: The situation; empty for what needs no request.
        card: The card it stands on; empty for words.
        do: What the button is, as presses.py names it; for words: open, say, stop.
        words: What is typed.
        may: Who may.
        told: What the others of the team are told.
    """

    name: str
    of: str
    card: str
    do: str
    may: frozenset[Who]
    told: dict[Who, str] = field(default_factory=dict)
    choice: Choice | None = None
    words: str = ""

    def refusal(self, who: Who) -> str | None:
        """What this one is told who may not; None: they may; empty: nothing is said."""
        if who in self.may:
            return None
        if self.do in {"stop", "pause"}:
            return "Only members of this workspace can act on this request."
        if who in TURNED_AWAY:
            quiet = self.do == "say" and TURNED_AWAY[who] == NOBODY
            return "" if quiet else TURNED_AWAY[who]
        return self.told[who]


def bystander(sentence: str) -> dict[Who, str]:
    return {Who.BYSTANDER: sentence}


def no_approver(sentence: str) -> dict[Who, str]:
    return dict.fromkeys((Who.REQUESTER, Who.BOTH, Who.BYSTANDER), sentence)


def own_request(what: str) -> dict[Who, str]:
    own = f"You asked for this, so somebody else has to approve {what}. Your click changed nothing."
    return {
        Who.REQUESTER: own,
        Who.BOTH: own,
        Who.BYSTANDER: "You are not one of the approvers of this repository. Your click changed nothing.",
    }


def no_advice(sentence: str, others: str) -> dict[Who, str]:
    return {Who.REQUESTER: sentence, Who.BOTH: sentence, Who.BYSTANDER: others}


CONFIRMS = bystander("The requester or an approver confirms. Your click changed nothing.")
DECIDES_THAT = bystander("The requester or an approver decides that. Your click changed nothing.")
DECIDES_THIS = bystander("The requester or an approver decides this. Your click changed nothing.")
ONLY_APPROVERS = no_approver("Only an approver of this repository can choose that.")
CORRECTS = bystander(
    "The requester, an approver or who wrote it says what it is. Your click changed nothing."
)
SETTLES = bystander("The requester, an approver or who asked for it decides. Your click changed nothing.")
READ_ALONG = no_approver("This channel is shared with another workspace, so an approver says first")
IS_PART = no_approver("Only an approver can say that it is part of the approved spec.")
MOVES = bystander("The requester or an approver changes the repository. Your click changed nothing.")
NAMED = dict.fromkeys(
    TEAM - {Who.SECOND}, "AC4 is confirmed by the person the spec names. Your click changed nothing."
)
ADVICE = "Only approvers can advise the one who does the work"
NOT_THIS = DECIDES_THIS[Who.BYSTANDER]


def spec_only(verb: str) -> dict[Who, str]:
    return bystander(f"Only the requester and the approvers can {verb} the spec. Your click changed nothing.")


_ASKED, _SPEC, _PUSH, _DONE = "questions:1", "spec:1", "push:1", "delivery:1"
_ESC, _SCOPE, _BACK = "escalation:1", "scope:1", "feedback:1"
C = Choice

ROWS: tuple[Row, ...] = (
    # ------------------------------------------------------------ words
    Row("open a request", "", "", "open", TEAM, words="Add a metric"),
    Row("mention me in the thread", "begun", "", "open", TEAM, words="by week, please"),
    Row("answer by a numbered list", "asked", "", "say", TEAM, words="1. all\n2. all"),
    Row("wish for something during work", "working", "", "say", TEAM, words="Also by week"),
    Row("the word stop", "working", "", "stop", HERE, words="stop"),
    # ------------------------------------------------------------ questions
    Row("answer with a button", "asked", _ASKED, "pick", TEAM),
    Row("answer with a menu", "asked", _ASKED, "several", TEAM, words="All"),
    Row("answer in words", "asked", _ASKED, "other", TEAM, words="Only ours"),
    Row("You decide", "asked", _ASKED, "decide", TEAM),
    Row("Not sure, find out", "asked", _ASKED, "find", TEAM),
    Row("submit the answers", "answered", _ASKED, "submit", TEAM),
    # ------------------------------------------------------------ the spec
    Row("approve the spec", "specified", _SPEC, "approve", APPROVERS, own_request("it")),
    Row("ask for a change", "specified", _SPEC, "tell", CONCERNED, spec_only("change"), C.CHANGE_SPEC, "X"),
    Row("edit a section", "specified", _SPEC, "edit", CONCERNED, spec_only("change"), None, "Other"),
    Row("reject the spec", "specified", _SPEC, "tell", CONCERNED, spec_only("reject"), C.REJECT_SPEC, "No"),
    Row("Other repository…", "specified", "progress", "choose", CONCERNED, MOVES, C.OTHER_REPOSITORY),
    Row("show the whole spec", "working", _SPEC, "show", TEAM),
    # ------------------------------------------------------------ the thread during work
    Row("a message is a wish", "working", _SCOPE, "choose", CONCERNED, CORRECTS, C.IS_SCOPE),
    Row("a message is talk", "working", _SCOPE, "choose", CONCERNED, CORRECTS, C.IS_TALK),
    Row("a message is in the spec", "working", _SCOPE, "choose", APPROVERS, IS_PART, C.IS_SPEC),
    Row("talk is a wish", "talked", "progress", "choose", CONCERNED, CORRECTS, C.IS_SCOPE),
    Row("talk is in the spec", "talked", "progress", "choose", APPROVERS, IS_PART, C.IS_SPEC),
    Row("one's own message is talk", "wished_by_bystander", _SCOPE, "choose", TEAM, {}, C.IS_TALK),
    Row("one's own is in the spec", "wished_by_bystander", _SCOPE, "choose", APPROVERS, IS_PART, C.IS_SPEC),
    Row("A: finish first", "working", _SCOPE, "choose", CONCERNED, DECIDES_THAT, C.FINISH_FIRST),
    Row("B: redefine the scope", "working", _SCOPE, "wishes", CONCERNED, DECIDES_THAT, C.REDEFINE),
    Row("C: put in order", "working", _SCOPE, "wishes", CONCERNED, DECIDES_THAT, C.PRIORITISE),
    Row("start a wish as a task", "delivered", _SCOPE, "choose", CONCERNED, SETTLES, C.START_WISH),
    Row("drop a wish", "delivered", _SCOPE, "choose", CONCERNED, SETTLES, C.DROP_WISH),
    Row("show all that was heard", "talked", "progress", "heard", TEAM),
    # ------------------------------------------------------------ escalations
    Row("try again", "stuck", _ESC, "choose", CONCERNED, DECIDES_THIS, C.RETRY),
    Row("say more", "vague", _ESC, "tell", TEAM, {}, C.TELL_MORE, "By week"),
    Row("go on with assumptions", "vague", _ESC, "choose", TEAM, {}, C.ASSUME),
    Row("pick one of two ways", "torn", _ESC, "choose", TEAM, {}, C.PICK),
    Row("keep changes outside", "outside", _ESC, "choose", APPROVERS, ONLY_APPROVERS, C.KEEP_OUTSIDE),
    Row("revert changes outside", "outside", _ESC, "choose", CONCERNED, DECIDES_THIS, C.REVERT_OUTSIDE),
    Row("let a leak through", "leaky", _ESC, "choose", APPROVERS, ONLY_APPROVERS, C.LET_THROUGH),
    Row("have it fixed", "blocked", _ESC, "tell", CONCERNED, DECIDES_THIS, C.FIX),
    Row("advice for a fix", "blocked", _ESC, "tell", APPROVERS, no_advice(ADVICE, NOT_THIS), C.FIX, "X"),
    Row(
        "dispute a finding",
        "blocked",
        _ESC,
        "tell",
        CONCERNED,
        bystander("Only the requester and the approvers can dispute a finding. Your click changed nothing."),
        C.DISPUTE,
        "Not so",
    ),
    Row("another round", "failed_three_times", _ESC, "tell", CONCERNED, DECIDES_THIS, C.ANOTHER_ROUND),
    Row(
        "advice for another round",
        "failed_three_times",
        _ESC,
        "tell",
        APPROVERS,
        no_advice(ADVICE, NOT_THIS),
        C.ANOTHER_ROUND,
        "So",
    ),
    Row("deliver unchecked", "unsettled", _ESC, "choose", APPROVERS, ONLY_APPROVERS, C.DELIVER_UNCHECKED),
    Row("raise the cap", "capped", _ESC, "choose", APPROVERS, ONLY_APPROVERS, C.RAISE_CAP),
    Row("leave it on others' branch", "elsewhere", _ESC, "choose", CONCERNED, DECIDES_THIS, C.LEAVE),
    # ------------------------------------------------------------ push and delivery
    Row("approve the push", "held_back", _PUSH, "choose", APPROVERS, own_request("the push"), C.APPROVE_PUSH),
    Row("have the push changed", "held_back", _PUSH, "tell", CONCERNED, DECIDES_THIS, C.FIX),
    Row(
        "advice for the push", "held_back", _PUSH, "tell", APPROVERS, no_advice(ADVICE, NOT_THIS), C.FIX, "So"
    ),
    Row("confirm", "delivered", _DONE, "choose", CONCERNED, CONFIRMS, C.CONFIRM),
    Row("Not yet", "delivered", _DONE, "tell", CONCERNED, CONFIRMS, C.NOT_YET, "It is slow"),
    Row("it held, nobody named", "attested", _DONE, "tell", TEAM, {}, C.HELD, "I looked"),
    Row("it did not, nobody named", "attested", _DONE, "tell", TEAM, {}, C.NOT_HELD, "I looked"),
    Row(
        "it held, one named", "attested_by_name", _DONE, "tell", frozenset({Who.SECOND}), NAMED, C.HELD, "Yes"
    ),
    Row("fix what came back", "fed_back", _BACK, "choose", CONCERNED, DECIDES_THAT, C.FIX),
    Row("keep what came back", "fed_back", _BACK, "choose", CONCERNED, DECIDES_THAT, C.KEEP_AS_TASK),
    Row("ignore what came back", "fed_back", _BACK, "choose", CONCERNED, DECIDES_THAT, C.IGNORE),
    # ------------------------------------------------------------ while another workspace reads along
    Row("go on though others read", "shared", _ESC, "choose", APPROVERS, READ_ALONG, C.RETRY),
    Row("approve though others read", "shared_spec", _SPEC, "approve", APPROVERS, READ_ALONG),
    Row("submit though others read", "shared_answers", _ASKED, "submit", APPROVERS, READ_ALONG),
    Row("wish though others read", "shared", "", "say", TEAM, words="Also by week"),
    Row("stop while others read", "shared", "progress", "stop", HERE),
    # ------------------------------------------------------------ pause and stop
    Row("the word pause", "working", "", "stop", HERE, words="pause"),
    Row("the pause button", "working", "progress", "pause", HERE),
    Row("the word resume", "on_hold", "", "resume", TEAM, words="resume"),
    Row("the resume button", "on_hold", "progress", "resume", TEAM),
    Row("the stop button", "working", "progress", "stop", HERE),
    Row("stop on an escalation", "blocked", _ESC, "stop", HERE, {}, C.STOP),
    Row("stop on a push", "held_back", _PUSH, "stop", HERE, {}, C.STOP),
)
