"""Wishes beyond the approved spec: what each was taken for, and how to go on with them."""

from bot.cards.page import Block, Message, Page, Rank, actions, button, context, divider, section
from bot.cards.presses import Choose, ChooseWishes
from bot.cards.text import bold, fit, line, mention
from engine.cards import FollowUpCard, OfferLine, ScopeCard, TakenFor, TakenLine, WishLine
from engine.counting import count
from engine.events import Choice

_OPEN = 8
"""Open wishes shown at once; whatever they say, they fit beside what has to stay."""
_LIVE_BLOCKS = 22
"""Blocks of wishes that can still be decided: two for an open one, one for an accepted one."""
_SETTLED = 10
_TAKEN = 10
"""The newest messages that are no wishes; the others stand under "Show all", to be corrected there."""

UNTOLD = "could not be told apart, and nothing was done about it. Please say what it is."

_SAID = (
    "These may well be worth having, but they are outside the approved spec. "
    "Nothing of them is worked on before somebody decides so."
)


def beyond(card: ScopeCard | FollowUpCard) -> Message:
    """The card of wishes, or the first message of a wish's own thread."""
    return scope(card) if isinstance(card, ScopeCard) else follow_up(card)


def scope(card: ScopeCard) -> Message:
    """The running task, proposed ones with what they need, settled ones, A/B/C, and corrections."""
    page = Page(card.request, card.key)
    page.header(f"Beyond the spec: {card.title}" if card.wishes else f"What I heard: {card.title}")
    if card.wishes:
        page.add(section(_SAID), rank=Rank.MUST)
        files = f"\n      Files: {page.words(card.files, 200, line)}" if card.files else ""
        page.add(section(f"*1. Current task:* {page.words(card.title, 150, line)}{files}"), rank=Rank.MUST)
        _list(page, card)
    if card.decided_by is not None:
        decision = page.words(card.decision, 400, line)
        page.add(context(f"{mention(card.decided_by)} chose: {decision}"), rank=Rank.MUST)
    if card.offers:
        page.add(divider(), *(_offer(page, card, offer) for offer in card.offers), rank=Rank.MUST)
    for index, taken in enumerate(card.taken[:_TAKEN]):
        page.add(*taken_blocks(page, card.key, taken, f"taken{index}", can_correct=card.open))
    page.cut = page.cut or len(card.taken) > _TAKEN
    names = ", ".join(wish.title for wish in card.wishes)
    return Message(fit(f"Beyond the spec of {card.title}: {names}", 300, line).text, page.blocks())


# ---------------------------------------------------------------- wishes


def _list(page: Page, card: ScopeCard) -> None:
    """What can be decided first, each with its buttons; then the rest, a line each.

    Open wishes beyond those shown move up once these are settled.
    """
    waiting = [wish for wish in card.wishes if wish.fate == "proposed"]
    accepted = [wish for wish in card.wishes if wish.fate == "accepted" and card.startable]
    shown = waiting[:_OPEN]
    droppable = accepted[: _LIVE_BLOCKS - 2 * len(shown)]
    for index, wish in enumerate(shown):
        page.add(*_wish(page, card, wish, f"wish{index}"), rank=Rank.MUST)
    if len(waiting) > len(shown):
        page.cut = True
        page.add(context(_more(card, len(waiting) - len(shown))), rank=Rank.MUST)
    for index, wish in enumerate(droppable):
        drop = _drop(card, wish, f"accepted{index}")
        page.add(section(_settled(page, wish), drop), rank=Rank.MUST)
    lines = [_settled(page, wish) for wish in card.wishes if wish not in waiting and wish not in droppable]
    page.cut = page.cut or len(lines) > _SETTLED
    if lines:
        page.add(context("\n".join(lines[-_SETTLED:])), rank=Rank.EXTRA)


def _more(card: ScopeCard, number: int) -> str:
    tasks = count(number, "more proposed task")
    if card.startable or card.open:
        return f"and {tasks}, listed whole under “Show all”: they move up here as those above are settled."
    return f"and {tasks}, listed whole under “Show all”."


def _wish(page: Page, card: ScopeCard, wish: WishLine, name: str) -> list[Block]:
    lines = [
        f"*{wish.number}. Proposed task:* {page.words(wish.title, 100, bold)}, asked by {mention(wish.by)}",
        f"      Scope: {page.words(wish.scope, 250, line)}",
        f"      Dependencies: {page.words(wish.after, 150, line) if wish.after else 'none known'}",
    ]
    if not wish.fixed:
        lines.append(f"      I took “{page.words(wish.text, 150, line)}” as a new wish.")
    elements = wish_buttons(card, wish, name)
    return [section("\n".join(lines)), *([actions(*elements)] if elements else [])]


def wish_buttons(card: ScopeCard, wish: WishLine, name: str) -> list[Block]:
    """What can be done about a wish now: start or drop it, or say that it is none."""
    live = card.startable and wish.fate in {"proposed", "accepted"}
    elements = [_drop(card, wish, name)] if live else []
    if live and wish.fate == "proposed":
        start = Choose(request=card.request, card=card.key, choice=Choice.START_WISH, item=wish.ts)
        elements.insert(0, button(f"start:{name}", "Start it as its own task", start))
    if not wish.fixed:
        message = (name, wish.ts)
        elements += [
            _says(card.key, card.request, message, Choice.IS_SPEC, "It was part of the spec"),
            _says(card.key, card.request, message, Choice.IS_TALK, "Just talk"),
        ]
    return elements


def _settled(page: Page, wish: WishLine) -> str:
    by = f" ({mention(wish.decided_by)})" if wish.decided_by else ""
    outcome = f": {page.words(wish.outcome, 100, line)}" if wish.outcome else ""
    return f"{wish.number}. {page.words(wish.title, 80, line)}{outcome}{by}"


def _drop(card: ScopeCard, wish: WishLine, name: str) -> Block:
    press = Choose(request=card.request, card=card.key, choice=Choice.DROP_WISH, item=wish.ts)
    return button(f"drop:{name}", "Drop it", press)


def _says(card: str, request: str, message: tuple[str, str], choice: Choice, label: str) -> Block:
    """A correction; `message` is its name within the card, and its ts."""
    name, ts = message
    press = Choose(request=request, card=card, choice=choice, item=ts)
    return button(f"{choice.value}:{name}", label, press)


def _offer(page: Page, card: ScopeCard, offer: OfferLine) -> Block:
    text = f"{page.words(offer.label, 150, bold)}\n{page.words(offer.tradeoff, 400, line)}"
    if offer.recommended:
        text += " _(recommended)_"
    choice = Choice(offer.choice)
    style = "primary" if offer.recommended else ""
    if choice is Choice.FINISH_FIRST:
        press: Choose | ChooseWishes = Choose(request=card.request, card=card.key, choice=choice)
        return section(text, button(choice.value, "Finish first", press, style))
    press = ChooseWishes(request=card.request, card=card.key, choice=choice)
    label = "Pause and redefine…" if choice is Choice.REDEFINE else "Put in order…"
    return section(text, button(choice.value, label, press, style))


# ---------------------------------------------------------------- what is no wish


def taken_blocks(page: Page, key: str, taken: TakenLine, name: str, *, can_correct: bool) -> list[Block]:
    """A message that is no wish in small print, and buttons to correct what it was taken for."""
    said = page.words(taken.text, 150, line)
    took = "I know" if taken.confirmed else "I took"
    if taken.kind is TakenFor.UNTOLD:
        text = f"“{said}” ({mention(taken.by)}) {UNTOLD}"
    else:
        text = f"{took} “{said}” ({mention(taken.by)}) as {page.words(taken.outcome, 200, line)}."
    blocks = [context(text)]
    if can_correct:
        blocks.append(actions(*taken_buttons(page.request, key, taken, name)))
    return blocks


def taken_buttons(request: str, key: str, taken: TakenLine, name: str) -> list[Block]:
    """What a message can be said to be instead."""
    message = (name, taken.ts)
    wish = _says(key, request, message, Choice.IS_SCOPE, "It was a new wish")
    spec = _says(key, request, message, Choice.IS_SPEC, "It is part of the spec")
    talk = _says(key, request, message, Choice.IS_TALK, "Just talk")
    if taken.kind is TakenFor.TALK:
        return [wish, spec]
    if taken.kind is TakenFor.PART_OF_SPEC:
        return [wish, talk] if taken.confirmed else [spec, wish, talk]
    return [wish, spec, talk]


def follow_up(card: FollowUpCard) -> Message:
    """The first message of a proposed task's own thread; wishes are short enough to stand whole."""
    page = Page(card.request, card.key)
    follows = fit(card.follows, 150, line).text
    page.add(
        section(f"*Follow-up of* {follows}, asked by {mention(card.asked_by)}"),
        section(fit(card.text, 2500).text),
        rank=Rank.MUST,
    )
    return Message(fit(f"Follow-up of {card.follows}: {card.text}", 300, line).text, page.blocks())
