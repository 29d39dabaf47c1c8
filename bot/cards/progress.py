"""The progress card: the one message that is edited in place while a request lives."""

from bot.cards.page import Block, Message, Page, Rank, button, confirm, context, divider, section
from bot.cards.presses import Choose, PauseRequest, ResumeRequest, ShowHeard, StopRequest
from bot.cards.scope import taken_blocks
from bot.cards.text import bold, fit, line, mention, mentions
from engine.caps import in_short
from engine.cards import ProgressCard, Step, StepStatus
from engine.events import Choice
from engine.request import State

_MARKS = {
    StepStatus.PENDING: "▫️",
    StepStatus.ACTIVE: "⏳",
    StepStatus.WAITING: "✋",
    StepStatus.DONE: "✅",
    StepStatus.SKIPPED: "\u2796",
    StepStatus.FAILED: "❌",
}
_ACTIVITY = 5
_TALK = 3


def progress(card: ProgressCard) -> Message:
    """Where the request stands, what is going on, who is waited for, what it costs, and Stop."""
    page = Page(card.request, card.key)
    page.header(card.title)
    page.add(section(page.words(card.headline, 1500)), rank=Rank.MUST)
    steps = [_step(page, step) for step in card.steps[:10]]
    if steps:
        page.add(section("\n".join(steps)))
    activity = [page.words(text, 300, line) for text in card.activity[-_ACTIVITY:]]
    if activity:
        page.add(context("\n".join(activity)))
    talk = card.talk if card.can_stop else ()
    for index, taken in enumerate(talk[:_TALK]):
        page.add(*taken_blocks(page, card.key, taken, f"talk{index}", can_correct=True))
    page.add(divider(), context(*_small_print(page, card)), rank=Rank.MUST)
    if card.can_stop:
        more = [_heard(card)] if len(talk) > _TALK else []
        page.buttons(_pause(card), _stop(card), *([_move(card)] if card.movable else []), *more)
    fallback = fit(f"{card.title}: {card.headline}", 300, line).text
    return Message(fallback, page.blocks())


def _step(page: Page, step: Step) -> str:
    name = page.words(step.name, 80, bold)
    mark = f"{_MARKS[step.status]} {name}"
    return f"{mark} — {page.words(step.detail, 190, line)}" if step.detail.strip() else mark


def _small_print(page: Page, card: ProgressCard) -> list[str]:
    lines = [f"Repository: {page.words(card.repository, 120, line)}"] if card.repository else []
    if card.ended_by:
        how = "Stopped" if card.state == State.STOPPED else "Ended"
        lines.append(f"{how} by {mention(card.ended_by)}")
    if card.paused_by:
        lines.append(
            f"Paused by {mention(card.paused_by)}; anyone of this workspace here can let it go on, "
            "also by the word “resume”"
        )
    if card.waiting_for:
        lines.append(f"Waiting for {mentions(card.waiting_for[:20])}")
    if card.kept:
        wishes = " · ".join(page.words(wish, 80, line) for wish in card.kept[:8])
        more = f" and {len(card.kept) - 8} more" if len(card.kept) > 8 else ""
        lines.append(f"Kept for later: {wishes}{more}")
    lines.append(_spend(card))
    return lines


def _spend(card: ProgressCard) -> str:
    of = f" of {in_short(card.cap_tokens)}" if card.cap_tokens is not None else ""
    until = f" of {card.cap_minutes:g}" if card.cap_minutes is not None else ""
    return (
        f"${card.spent_usd:.2f} of ${card.cap_usd:.2f} · {in_short(card.spent_tokens)}{of} tokens · "
        f"{int(card.worked_minutes)}{until} min worked"
    )


def _pause(card: ProgressCard) -> Block:
    if card.paused_by:
        return button("resume", "Go on", ResumeRequest(request=card.request), style="primary")
    return button("pause", "Pause", PauseRequest(request=card.request))


def _stop(card: ProgressCard) -> Block:
    question = confirm(
        "Stop this request?",
        "Everything that runs for it ends at once, and nothing starts after it. What was found stays here.",
        "Stop",
        "Go on",
    )
    return button("stop", "Stop", StopRequest(request=card.request), style="danger", confirm=question)


def _move(card: ProgressCard) -> Block:
    question = confirm(
        "Choose another repository?",
        "What I found out and wrote for this one is dropped, and I start over once one is chosen.",
        "Choose another",
        "Keep it",
    )
    press = Choose(request=card.request, card=card.key, choice=Choice.OTHER_REPOSITORY)
    return button("move", "Other repository…", press, confirm=question)


def _heard(card: ProgressCard) -> Block:
    return button("heard", f"All {len(card.talk)} messages", ShowHeard(request=card.request))
