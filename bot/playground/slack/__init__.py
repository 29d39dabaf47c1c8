"""A local Slack: Web API, Socket Mode, and a page on which a newcomer plays three people.

An unmodified slack-bolt app connects to it: `AsyncWebClient(token="xoxb-fake-…", base_url=slack.api_url)`
and `AsyncSocketModeHandler(app, "xapp-fake-…")`. Listens on 127.0.0.1 only.
"""

from bot.playground.slack.browser import Front, Link, Suggestion
from bot.playground.slack.choices import NotPossible
from bot.playground.slack.driver import Person
from bot.playground.slack.faults import SLACK_PACE, Fault, Pace
from bot.playground.slack.inspection import Violation
from bot.playground.slack.interactions import AnswerInvalid, FieldErrors
from bot.playground.slack.limits import Surface, view_violations, violations
from bot.playground.slack.server import LocalSlack, SlackOptions
from bot.playground.slack.sockets import Ack, NotAcked
from bot.playground.slack.state import BOT_USER, CHANNELS, MEMBERS, TEAM, Channel, Member, Message
from bot.playground.slack.views import View
from bot.playground.slack.web_api import Call

__all__ = [
    "BOT_USER",
    "CHANNELS",
    "MEMBERS",
    "SLACK_PACE",
    "TEAM",
    "Ack",
    "AnswerInvalid",
    "Call",
    "Channel",
    "Fault",
    "FieldErrors",
    "Front",
    "Link",
    "LocalSlack",
    "Member",
    "Message",
    "NotAcked",
    "NotPossible",
    "Pace",
    "Person",
    "SlackOptions",
    "Suggestion",
    "Surface",
    "View",
    "Violation",
    "view_violations",
    "violations",
]
