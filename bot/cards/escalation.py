"""A decision that a person has to take, and who took it."""

from bot.cards.page import Block, Message, Page, Rank, button, confirm, context, divider, section
from bot.cards.presses import Choose, ChooseInWords
from bot.cards.text import bold, fit, line, mention, mentions, plain
from bot.cards.violations import rank_of, violation
from engine.cards import EscalationCard, OfferLine
from engine.events import Choice

_OFFERS = 8


def escalation(card: EscalationCard) -> Message:
    """Situation, attempts, options with their trade-offs; once decided, who chose what."""
    page = Page(card.request, card.key)
    page.header(f"{card.heading}: {card.title}")
    page.add(section(page.words(card.situation, 2000)), rank=Rank.MUST)
    if card.open and card.decided_by is None:
        _undecided(page, card)
    else:
        page.add(context(_outcome(page, card)), rank=Rank.MUST)
        if card.violations:
            page.offer_whole("Show findings")
    fallback = fit(f"{card.heading}: {card.situation}", 300, line).text
    return Message(fallback, page.blocks())


def _undecided(page: Page, card: EscalationCard) -> None:
    if card.attempts:
        tried = [f"• {page.words(attempt, 300, line)}" for attempt in card.attempts[:8]]
        page.add(section("\n".join(["*What was tried*", *tried])))
    _violations(page, card)
    page.add(divider(), rank=Rank.MUST)
    for index, offer in enumerate(card.offers[:_OFFERS]):
        page.add(_offer(page, card, offer, index), rank=Rank.MUST)
    if card.recommendation.strip() and not any(offer.recommended for offer in card.offers[:_OFFERS]):
        page.add(section(f"*Recommended:* {page.words(card.recommendation, 600, line)}"))
    if card.asked:
        page.add(context(f"Waiting for {mentions(card.asked[:20])}"), rank=Rank.MUST)


def _violations(page: Page, card: EscalationCard) -> None:
    for found in card.violations:
        page.add(violation(page, found, card.key), rank=rank_of(found))
    if card.next_steps:
        steps = [f"{number}. {page.words(step, 200, line)}" for number, step in enumerate(card.next_steps, 1)]
        page.add(section("\n".join(["*Next steps*", *steps])), rank=Rank.MUST)


def _offer(page: Page, card: EscalationCard, offer: OfferLine, index: int) -> Block:
    text = f"{page.words(offer.label, 150, bold)}\n{page.words(offer.tradeoff, 500, line)}"
    if offer.recommended:
        text += " _(recommended)_"
    name = f"choose:{offer.choice[:40]}:{index}"
    choice = _choice(offer.choice)
    if choice is None or choice is Choice.DISPUTE:  # its buttons stand beside the findings
        return section(text)
    style = "primary" if offer.recommended else ""
    if offer.asks.strip():
        # Advice may stay away, and from a requester it has to; what is missing has to be said.
        optional = choice is not Choice.TELL_MORE
        ask = fit(f"{offer.asks} (may stay empty)" if optional else offer.asks, 150, plain).text
        press = ChooseInWords(request=card.request, card=card.key, choice=choice, ask=ask, optional=optional)
        return section(text, button(name, _ellipsis(offer.label), press, style))
    label = offer.label[:200] if choice is Choice.PICK else ""
    plain_press = Choose(request=card.request, card=card.key, choice=choice, label=label, item=offer.item)
    if choice is Choice.STOP:
        sure = confirm("Stop this request?", "Nothing starts after it.", "Stop", "Go on")
        return section(text, button(name, offer.label, plain_press, "danger", sure))
    return section(text, button(name, offer.label, plain_press, style))


def _choice(value: str) -> Choice | None:
    return Choice(value) if value in set(Choice) else None


def _ellipsis(label: str) -> str:
    return label if label.endswith("…") else f"{label[:70]}…"


def _outcome(page: Page, card: EscalationCard) -> str:
    decision = page.words(card.decision, 600, line) if card.decision.strip() else ""
    if card.decided_by is None:
        return decision or "This is settled; nothing is asked here any more."
    return (
        f"{mention(card.decided_by)} decided: {decision}"
        if decision
        else f"Decided by {mention(card.decided_by)}"
    )
