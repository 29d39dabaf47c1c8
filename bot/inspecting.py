"""What `greenlight show` and `greenlight agents` print: plain text, or JSON. Pure."""

from collections.abc import Sequence

from engine.caps import in_short
from engine.inspecting import Listed, Seats
from engine.stats import Stats
from engine.story import Line, Story


def listed(requests: Sequence[Listed]) -> str:
    """All requests, a line each."""
    if not requests:
        return "There are no requests yet."
    widest = max(len(one.state) for one in requests)
    return "\n".join(
        f"{one.id}  {one.opened_at:%Y-%m-%d %H:%M}  {one.state:<{widest}}  {one.title}" for one in requests
    )


def told(story: Story) -> str:
    """A request's story."""
    lines = [
        f"{story.title} ({story.state})",
        f"{story.request}, for {story.repository or 'no repository yet'}",
        "",
    ]
    for line in story.lines:
        lines += _line(line)
    if story.criteria:
        lines += ["", "Acceptance criteria, as last settled:", *(f"  {one}" for one in story.criteria)]
    lines += ["", story.ended or f"It stands at: {story.state.replace('_', ' ')}."]
    lines.append(f"Cost so far: ${story.cost_usd:.2f}, {in_short(story.tokens)} tokens")
    return "\n".join(lines)


def counted(stats: Stats, local_team: str) -> str:
    """What became of requests, as a small table; those of the demo's local Slack are named."""
    total, local = sum(stats.requests.values()), stats.requests.get(local_team, 0)
    played = f"  ({local} of them played in the demo's local Slack)" if local else ""
    rows = [
        ("Requests opened", f"{total}{played}"),
        ("Specs approved", str(stats.specs_approved)),
        ("Drafts opened", str(stats.drafts)),
        ("Ready for review", str(stats.undrafted)),
        ("Merged", str(stats.merged)),
        ("Closed without a merge", str(stats.closed)),
        ("Still open", str(stats.open)),
        ("From mention to draft", _median(stats.hours_to_draft)),
        ("From mention to merge", _median(stats.hours_to_merge)),
        ("Cost", f"${stats.cost_usd:.2f}"),
    ]
    lines = [f"{name:<24}{value}" for name, value in rows]
    if stats.closed_pulls:
        lines += ["", "Closed without a merge:"]
    for one in stats.closed_pulls:
        by = f" by {one.login}" if one.login else ""
        lines.append(f"  {one.request}  #{one.number}{by}: {one.reason or 'no reason given'}")
    return "\n".join(lines)


def _median(hours: float | None) -> str:
    if hours is None:
        return "-"
    minutes = round(hours * 60)
    return f"{minutes // 60} h {minutes % 60:02} min (median)"


def _line(line: Line) -> list[str]:
    head = f"{line.at:%Y-%m-%d %H:%M:%S}  {line.who} {line.what}"
    if line.who == "greenlight":
        head = f"{line.at:%Y-%m-%d %H:%M:%S}  Greenlight {line.what}"
    return [head, *(f"{'':21}- {detail}" for detail in line.details)]


def seated(found: Seats) -> str:
    """The agents of a repository and where each comes from."""
    lines = [f"{found.repository}, at commit {found.commit[:10]}", ""]
    for seat in found.seats:
        origin = seat.source.value if not seat.path else f"{seat.source.value} by {seat.path}"
        what = "reviews" if seat.reviews else "changes files" if seat.writes else "reads only"
        lines.append(f"{seat.name}  [{origin}]")
        lines.append(f"  {what}, tier {seat.tier}; tools: {', '.join(seat.tools)}")
        lines += [f"  {note}" for note in seat.notes]
    if found.left_out:
        lines += ["", "Left out:", *(f"  {reason}" for reason in found.left_out)]
    return "\n".join(lines)
