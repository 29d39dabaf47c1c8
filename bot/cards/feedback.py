"""What came back from the pull request: remarks and failed checks, and what can be done about them."""

from bot.cards.page import Message, Page, Rank, button, context, section
from bot.cards.presses import Choose
from bot.cards.text import bold, code, fit, line, link, mention
from engine.cards import FailedCheckLine, FeedbackCard, RemarkLine
from engine.counting import count
from engine.events import Choice

_LISTED = 10


def feedback(card: FeedbackCard) -> Message:
    """Each remark with its author, who is nobody of the chat, and what it was taken for."""
    page = Page(card.request, card.key)
    page.header(f"From pull request #{card.number}: {card.title}")
    for check in card.checks[:_LISTED]:
        page.add(section(_check(page, card, check)))
    for remark in card.remarks[:_LISTED]:
        page.add(section(_remark(page, remark)))
    _closing(page, card)
    what = " and ".join(
        count(len(some), name)
        for some, name in ((card.remarks, "remark"), (card.checks, "failed check"))
        if some
    )
    return Message(f"From pull request #{card.number}: {what or 'nothing'}", page.blocks())


def _remark(page: Page, remark: RemarkLine) -> str:
    place = f" at {page.words(remark.place, 200, code)}" if remark.place.strip() else ""
    head = f"{page.words(remark.who, 80, bold)} on the pull request{place}:"
    taken = page.words(remark.taken, 120, line)
    return f"{head}\n{page.words(remark.text, 700, line)}\n_{taken}_"


def _check(page: Page, card: FeedbackCard, check: FailedCheckLine) -> str:
    name = fit(check.name, 80, line).text
    shown = link(check.url, check.name[:80]) if check.url.strip() and check.name.strip() else name
    if check.passed:
        return f"The check {shown} failed at {page.words(card.commit[:10], 40, code)}; run again, it passed."
    summary = f"\n{page.words(check.summary, 600, line)}" if check.summary.strip() else ""
    return f"❌ The check {shown} failed at {page.words(card.commit[:10], 40, code)}.{summary}"


def _closing(page: Page, card: FeedbackCard) -> None:
    if card.outcome.strip():
        who = f"{mention(card.decided_by)}: " if card.decided_by else ""
        page.add(context(f"{who}{page.words(card.outcome, 300, line)}"), rank=Rank.MUST)
        return
    offers = [offer for offer in card.offers[:5] if offer.choice in set(Choice)]
    for offer in offers:
        words = f"{page.words(offer.label, 80, bold)}: {page.words(offer.tradeoff, 300, line)}"
        page.add(context(words), rank=Rank.MUST)
    page.buttons(
        *(
            button(
                f"feedback:{index}",
                offer.label,
                Choose(request=card.request, card=card.key, choice=Choice(offer.choice)),
            )
            for index, offer in enumerate(offers)
        )
    )
