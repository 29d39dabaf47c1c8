"""A round of questions, open for answers, and what it collapses to once it is over."""

from bot.cards.page import (
    BUTTON,
    Block,
    Message,
    Page,
    Rank,
    actions,
    button,
    context,
    divider,
    plain_text,
    section,
)
from bot.cards.presses import (
    ACTION,
    AnswerInWords,
    FindOut,
    PickOption,
    PickSeveral,
    SubmitRound,
    YouDecide,
    packed,
)
from bot.cards.text import bold, fit, line, mention, mrkdwn, plain
from engine.cards import OptionLine, QuestionItem, QuestionsCard, Reading
from engine.counting import count

_LABEL = 150
_BUTTONS = 4
_MENU = 100
_SHORT_LABEL = 24
"""A longer label is cut on a phone's button, so it stands in the text beside it as well."""


def questions(card: QuestionsCard) -> Message:
    """Questions to answer; once submitted or closed, only what was answered by whom."""
    if card.open and card.submitted_by is None:
        return _open(card)
    return _decided(card)


def _open(card: QuestionsCard) -> Message:
    page = Page(card.request, card.key)
    page.header(f"Questions: {card.title}")
    page.add(context(_intro(card)), rank=Rank.MUST)
    if card.readings:
        page.add(section(_readings(page, card.readings)), rank=Rank.EXTRA)
    for item in card.items:
        page.add(divider(), *_question(page, card, item))
    page.add(divider(), rank=Rank.MUST)
    answered = sum(1 for item in card.items if item.answer)
    label = f"Submit ({answered} of {len(card.items)} answered)"
    submit = SubmitRound(request=card.request, round=card.round)
    page.buttons(button("submit", label, submit, style="primary"))
    return Message(_fallback(card), page.blocks())


def _fallback(card: QuestionsCard) -> str:
    return fit(f"{count(len(card.items), 'question')} about: {card.title}", 300, line).text


def _intro(card: QuestionsCard) -> str:
    number = f"Round {card.ordinal} of {card.rounds}. " if card.ordinal else ""
    by_list = ", or reply with a numbered list" if all(item.in_words for item in card.items) else ""
    return (
        f"{number}Anyone in the team may answer, and change an answer until it is submitted. "
        f"Press the buttons{by_list}."
    )


def _readings(page: Page, readings: tuple[Reading, ...]) -> str:
    page.cut = page.cut or len(readings) > 6
    lines = [
        f"• {page.words(reading.reading, 300, line)}\n   Risk: {page.words(reading.risk, 180, line)}"
        for reading in readings[:6]
    ]
    return "\n".join(["*It could mean:*", *lines])


def _question(page: Page, card: QuestionsCard, item: QuestionItem) -> list[Block]:
    title = f"{item.index + 1}. {page.words(item.header, 60, bold)}"
    several = " _(several may hold)_" if item.multi else ""
    head = section(f"{title}{several}\n{page.words(item.text, 600, mrkdwn)}")
    if item.multi:
        choices = _menu(page, card, item)
    elif sum(bool(option.label.strip()) for option in item.options) > _BUTTONS:
        choices = [_one_of_many(card, item)]
    else:
        choices = _options(page, card, item)
    return [head, *choices, *_understood(page, item)]


def _options(page: Page, card: QuestionsCard, item: QuestionItem) -> list[Block]:
    rows = [_option(page, card, item, index) for index in range(len(item.options))]
    others = _other(card, item)
    return [*rows, actions(*others)] if others else rows


def _one_of_many(card: QuestionsCard, item: QuestionItem) -> Block:
    options = {o.label[:_LABEL]: _described_entry(o) for o in item.options if o.label.strip()}
    menu: Block = {
        "type": "static_select",
        "action_id": f"{ACTION}one:{item.index}",
        "placeholder": plain_text("Choose one"),
        "options": list(options.values())[:_MENU],
    }
    chosen = [options[label] for label in item.chosen if label in options]
    target = PickSeveral(request=card.request, round=card.round, question=item.index)
    elements = [menu | ({"initial_option": chosen[0]} if chosen else {}), *_other(card, item)]
    return actions(*elements, block_id=packed(target))


def _described_entry(option: OptionLine) -> Block:
    text = fit(f"{option.label}: {option.description}", BUTTON, plain).text
    return {"text": plain_text(text), "value": option.label[:_LABEL]}


def _option(page: Page, card: QuestionsCard, item: QuestionItem, index: int) -> Block:
    option = item.options[index]
    chosen = option.label in item.chosen
    pick = PickOption(
        request=card.request, round=card.round, question=item.index, label=option.label[:_LABEL]
    )
    element = button(
        f"pick:{item.index}:{index}",
        f"✓ {option.label}" if chosen else option.label or "(no label)",
        pick,
        style="primary" if chosen else "",
    )
    return section(_beside(page, option), element)


def _beside(page: Page, option: OptionLine) -> str:
    described = page.words(option.description, 300, line)
    if len(option.label) > _SHORT_LABEL:
        described = f"{page.words(option.label, 120, bold)}\n{described}"
    return f"{described} _(recommended)_" if option.recommended else described


def _menu(page: Page, card: QuestionsCard, item: QuestionItem) -> list[Block]:
    options = {option.label[:_LABEL]: _entry(option) for option in item.options[:20] if option.label}
    lines = [
        f"• {page.words(option.label, 120, bold)} — {_described(page, option)}" for option in item.options[:6]
    ]
    blocks = [section("\n".join(lines))] if lines else []
    target = PickSeveral(request=card.request, round=card.round, question=item.index)
    elements = _other(card, item)
    if options:
        menu: Block = {
            "type": "multi_static_select",
            "action_id": f"{ACTION}several:{item.index}",
            "placeholder": plain_text("Choose one or more"),
            "options": list(options.values()),
        }
        chosen = [options[label[:_LABEL]] for label in item.chosen if label[:_LABEL] in options]
        elements = [menu | ({"initial_options": chosen} if chosen else {}), *elements]
    return [*blocks, actions(*elements, block_id=packed(target))]


def _entry(option: OptionLine) -> Block:
    return {"text": plain_text(fit(option.label, 75, plain).text), "value": option.label[:_LABEL]}


def _described(page: Page, option: OptionLine) -> str:
    described = page.words(option.description, 300, line)
    return f"{described} _(recommended)_" if option.recommended else described


def _other(card: QuestionsCard, item: QuestionItem) -> list[Block]:
    words = AnswerInWords(
        request=card.request, round=card.round, question=item.index, ask=fit(item.text, 150, plain).text
    )
    decide = YouDecide(request=card.request, round=card.round, question=item.index)
    others = [button(f"other:{item.index}", "Other…", words)] if item.in_words else []
    if item.decidable:
        label = "✓ You decide" if item.assumed else "You decide"
        others.append(button(f"decide:{item.index}", label, decide))
    if item.can_find_out:
        find = FindOut(request=card.request, round=card.round, question=item.index)
        label = "Not sure, find out"
        others.append(button(f"find:{item.index}", f"✓ {label}" if item.finding_out else label, find))
    return others


def _understood(page: Page, item: QuestionItem) -> list[Block]:
    if not item.answer:
        return []
    who = f"{mention(item.answered_by)}: " if item.answered_by else ""
    note = " _(an assumption; the spec will show it)_" if item.assumed else ""
    if item.finding_out:
        note = " _(I look into it as soon as this is submitted)_"
    return [context(f"✅ {who}{page.words(item.answer, 400, line)}{note}")]


def _decided(card: QuestionsCard) -> Message:
    page = Page(card.request, card.key)
    page.header(f"Questions: {card.title}")
    for item in card.items:
        page.add(section(_outcome(page, item)))
    if card.submitted_by:
        page.add(context(f"Submitted by {mention(card.submitted_by)}"), rank=Rank.MUST)
    else:
        page.add(context("These questions are closed."), rank=Rank.MUST)
    return Message(_fallback(card), page.blocks())


def _outcome(page: Page, item: QuestionItem) -> str:
    title = f"{item.index + 1}. {page.words(item.header, 60, bold)}"
    if not item.answer:
        return f"{title}: not answered"
    who = f" ({mention(item.answered_by)})" if item.answered_by else ""
    note = " _assumed_" if item.assumed else ""
    return f"{title}: {page.words(item.answer, 600, line)}{note}{who}"
