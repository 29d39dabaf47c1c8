"""Wishes beyond the approved spec: what each was taken for, and how to go on with them."""

from bot.cards.page import Block, Message, Page, Rank, actions, button, context, divider, section
from bot.cards.presses import Choose, ChooseWishes, Wish
from bot.cards.text import bold, fit, line, mention, plain
from engine.cards import FollowUpCard, OfferLine, ScopeCard, TakenFor, TakenLine, WishLine
from engine.events import Choice

_WISHES = 8
_CHOOSABLE = 10
"""Checkboxes of one modal."""

_SAID = (
    "These may well be worth having, but they are outside the approved spec. "
    "Nothing of them is worked on before somebody decides so."
)


def beyond(card: ScopeCard | FollowUpCard) -> Message:
    """The card of wishes, or the first message of a wish's own thread."""
    return scope(card) if isinstance(card, ScopeCard) else follow_up(card)


def scope(card: ScopeCard) -> Message:
    """The running task, each proposed one with what it needs, A/B/C, and corrections."""
    page = Page(card.request, card.key)
    page.header(f"Beyond the spec: {card.title}" if card.wishes else f"What I heard: {card.title}")
    if card.wishes:
        page.add(section(_SAID), rank=Rank.MUST)
        files = f"\n      Files: {page.words(card.files, 200, line)}" if card.files else ""
        page.add(section(f"*1. Current task:* {page.words(card.title, 150, line)}{files}"), rank=Rank.MUST)
    for index, wish in enumerate(card.wishes[:_WISHES]):
        page.add(*_wish(page, card, wish, f"wish{index}"))
    page.cut = page.cut or len(card.wishes) > _WISHES
    if card.decided_by is not None:
        decision = page.words(card.decision, 400, line)
        page.add(context(f"{mention(card.decided_by)} chose: {decision}"), rank=Rank.MUST)
    if card.offers:
        page.add(divider(), *(_offer(page, card, offer) for offer in card.offers), rank=Rank.MUST)
    for index, taken in enumerate(card.taken):
        shown = taken_blocks(page, card.key, taken, f"taken{index}", can_correct=card.open)
        page.add(*shown, rank=Rank.EXTRA)
    names = ", ".join(wish.title for wish in card.wishes)
    return Message(fit(f"Beyond the spec of {card.title}: {names}", 300, line).text, page.blocks())


def _wish(page: Page, card: ScopeCard, wish: WishLine, name: str) -> list[Block]:
    lines = [
        f"*{wish.number}. Proposed task:* {page.words(wish.title, 100, bold)}, asked by {mention(wish.by)}",
        f"      Scope: {page.words(wish.scope, 300, line)}",
        f"      Dependencies: {page.words(wish.after, 200, line) if wish.after else 'none known'}",
    ]
    if wish.outcome:
        by = f" ({mention(wish.decided_by)})" if wish.decided_by else ""
        lines.append(f"      _{page.words(wish.outcome, 100, line)}_{by}")
    blocks = [section("\n".join(lines))]
    elements = _settling(card, wish, name) if card.startable else []
    if not wish.fixed:
        elements += [
            _says(card.key, page.request, (name, wish.ts), Choice.IS_SPEC, "It was part of the spec"),
            _says(card.key, page.request, (name, wish.ts), Choice.IS_TALK, "Just talk"),
        ]
    if not wish.fixed:
        blocks.append(context(f"I took “{page.words(wish.text, 150, line)}” as a new wish."))
    if elements:
        blocks.append(actions(*elements))
    return blocks


def _settling(card: ScopeCard, wish: WishLine, name: str) -> list[Block]:
    if wish.fate not in {"proposed", "accepted"}:
        return []
    start = Choose(request=card.request, card=card.key, choice=Choice.START_WISH, item=wish.ts)
    drop = Choose(request=card.request, card=card.key, choice=Choice.DROP_WISH, item=wish.ts)
    buttons = [button(f"drop:{name}", "Drop it", drop)]
    if wish.fate == "proposed":
        buttons.insert(0, button(f"start:{name}", "Start it as its own task", start))
    return buttons


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
    open_wishes = [wish for wish in card.wishes if wish.fate == "proposed"][:_CHOOSABLE]
    press = ChooseWishes(
        request=card.request,
        card=card.key,
        choice=choice,
        wishes=tuple(Wish(ts=wish.ts, title=fit(wish.title, 60, plain).text) for wish in open_wishes),
    )
    label = "Pause and redefine…" if choice is Choice.REDEFINE else "Put in order…"
    return section(text, button(choice.value, label, press, style))


# ---------------------------------------------------------------- what is no wish


def taken_blocks(page: Page, key: str, taken: TakenLine, name: str, *, can_correct: bool) -> list[Block]:
    """A message that is no wish in small print, and buttons to correct what it was taken for."""
    said = page.words(taken.text, 150, line)
    took = "I know" if taken.confirmed else "I took"
    blocks = [context(f"{took} “{said}” ({mention(taken.by)}) as {page.words(taken.outcome, 200, line)}.")]
    if can_correct:
        blocks.append(actions(*_corrections(page, key, taken, name)))
    return blocks


def _corrections(page: Page, key: str, taken: TakenLine, name: str) -> list[Block]:
    message = (name, taken.ts)
    wish = _says(key, page.request, message, Choice.IS_SCOPE, "It was a new wish")
    spec = _says(key, page.request, message, Choice.IS_SPEC, "It is part of the spec")
    talk = _says(key, page.request, message, Choice.IS_TALK, "Just talk")
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
