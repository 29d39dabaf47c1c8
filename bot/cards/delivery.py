"""The draft pull request with its evidence."""

from bot.cards.feedback import feedback
from bot.cards.page import Block, Message, Page, Rank, button, context, section
from bot.cards.presses import Choose, ChooseInWords
from bot.cards.text import bold, code, fit, line, link, mention, plain
from engine.caps import in_short
from engine.cards import AttestedLine, CriterionLine, DeliveryCard, FeedbackCard
from engine.events import Choice
from engine.request import Status

_MARKS = {
    Status.PASSED: "✅",
    Status.REGRESSION_ONLY: "🔁",
    Status.FAILED: "❌",
    Status.NOT_CHECKED: "❔",
    Status.JUDGED_MET: "👁️",
    Status.JUDGED_UNMET: "❌",
    Status.ATTESTATION_PENDING: "🕓",
    Status.ATTESTED: "🙋",
    Status.NOT_ATTESTED: "❌",
}
_CRITERIA_A_SECTION = 5
_ATTESTED = 12


def pulled(card: DeliveryCard | FeedbackCard) -> Message:
    """The draft pull request, or what came back from it."""
    return feedback(card) if isinstance(card, FeedbackCard) else delivery(card)


def delivery(card: DeliveryCard) -> Message:
    """Link, branch, commit, evidence a criterion, what to know; the requester confirms."""
    page = Page(card.request, card.key)
    kind = "Draft pull request" if card.draft else "Pull request"
    page.header(f"{kind}: {card.title}")
    where = f"{link(card.url, f'Pull request #{card.number}')}\nBranch {page.words(card.branch, 250, code)}"
    if card.repository:
        where += f" of {page.words(card.repository, 60, bold)}"
    page.add(section(f"{where} at commit {code(card.commit[:10])}"), rank=Rank.MUST)
    if card.base.strip():
        page.add(context(page.words(card.base, 900, line)), rank=Rank.MUST)
    if card.unset:
        unset = page.words(" · ".join(card.unset), 900, line)
        page.add(context(f"⚠️ Not set at the forge: {unset}"), rank=Rank.MUST)
    if card.standing.strip():
        page.add(context(page.words(card.standing, 900, line)), rank=Rank.MUST)
    if card.confirmed_by is None:
        _evidence(page, card)
    _attested(page, card)
    _closing(page, card)
    fallback = fit(f"{kind} #{card.number}: {card.title}", 300, line).text
    return Message(fallback, page.blocks())


def _evidence(page: Page, card: DeliveryCard) -> None:
    lines = [_criterion(page, criterion) for criterion in card.criteria]
    for start in range(0, len(lines), _CRITERIA_A_SECTION):
        page.add(section("\n".join(lines[start : start + _CRITERIA_A_SECTION])))
    page.bullets("Claimed, but not verified", card.unverified, Rank.MAIN)
    page.bullets("Minor findings", card.minor, Rank.EXTRA)
    page.bullets("Kept for later", card.kept, Rank.EXTRA)
    page.add(context(f"Cost ${card.cost_usd:.2f} · {in_short(card.tokens)} tokens"), rank=Rank.MUST)


def _criterion(page: Page, criterion: CriterionLine) -> str:
    mark = _MARKS.get(Status(criterion.status), "❔") if criterion.status in set(Status) else "❔"
    name = page.words(criterion.id, 20, bold)
    first = f"{mark} {name} {page.words(criterion.text, 300, line)}"
    status = page.words(criterion.status, 40, line)
    by = f"{mention(criterion.by)} " if criterion.by else ""
    evidence = f": {by}{page.words(criterion.evidence, 200, line)}" if criterion.evidence.strip() else ""
    return f"{first}\n      _{status}_{evidence}"


def _attested(page: Page, card: DeliveryCard) -> None:
    """What only the world can tell: asked of whom the spec names until they say that it held."""
    asks = not (card.superseded or card.halted)
    for one in card.attested[:_ATTESTED]:
        name = f"{page.words(one.id, 20, bold)} {page.words(one.text, 300, line)}"
        if one.held is not None and one.by is not None:
            word = "said that it held" if one.held else "said that it did not hold"
            note = f": {page.words(one.note, 300, line)}" if one.note.strip() else ""
            mark = "🙋" if one.held else "❌"
            page.add(section(f"{mark} {name}\n      {mention(one.by)} {word}{note}"), rank=Rank.MUST)
        elif asks:
            who = mention(one.asked) if one.asked else "Anyone here"
            how = f"{page.words(one.how, 200, line)}, {page.words(one.when, 100, line)}"
            page.add(section(f"🕓 {name}\n      {who}: did it hold? ({how})"), rank=Rank.MUST)
            page.buttons(
                _said(card, one, Choice.HELD, "Yes, it held…"),
                _said(card, one, Choice.NOT_HELD, "No…"),
            )


def _said(card: DeliveryCard, one: AttestedLine, choice: Choice, label: str) -> Block:
    ask = fit(f"{one.id}: what was seen? (may stay empty)", 150, plain).text
    press = ChooseInWords(
        request=card.request, card=card.key, choice=choice, ask=ask, optional=True, item=one.id
    )
    return button(f"{choice.value}:{one.id}", label, press)


def _closing(page: Page, card: DeliveryCard) -> None:
    if card.confirmed_by is not None:
        page.add(context(f"✅ {mention(card.confirmed_by)} confirmed that it is done."), rank=Rank.MUST)
        page.offer_whole("Show evidence")
    elif card.halted:
        page.add(context(page.words(card.halted, 300, line)), rank=Rank.MUST)
    elif card.superseded:
        page.add(
            context("More was asked for; if it comes to a newer delivery, that one counts."), rank=Rank.MUST
        )
    else:
        ask = f"{mention(card.requester)}, is this what you asked for? You confirm, or say what is missing."
        page.add(section(ask), rank=Rank.MUST)
        done = Choose(request=card.request, card=card.key, choice=Choice.CONFIRM)
        missing = ChooseInWords(
            request=card.request, card=card.key, choice=Choice.NOT_YET, ask="What is missing or wrong?"
        )
        page.buttons(
            button("confirm", "Confirm: done", done, style="primary"),
            button("not_yet", "Not yet…", missing),
        )
