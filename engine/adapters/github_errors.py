"""The one mapper of what GitHub's API, githubkit and the network between say."""

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from githubkit.exception import RateLimitExceeded, RequestFailed, RequestTimeout

from engine.adapters.github_place import Place
from engine.errors import GreenlightError, NeedsPerson, RateLimited, Unreachable

SECONDARY_WAIT_S = 60.0
_WORD = re.compile(r"[A-Za-z_]{1,40}")


class Doing(NamedTuple):
    """What was asked for, for the sentence: "open a pull request", and the permission that it takes."""

    what: str
    permission: str


_SIGNING_IN = Doing("sign in as the GitHub App", "Metadata: read")


class Refusal(NamedTuple):
    """GitHub's error document, as far as it is one. `said` is for matching, never for people."""

    status: int
    said: str
    fields: tuple[tuple[str, str], ...]


def refusal_of(error: Exception) -> Refusal | None:
    """What GitHub refused with, or None if it did not answer with an error."""
    if not isinstance(error, RequestFailed):
        return None
    try:
        document: Any = error.response.json()
    except ValueError:
        document = None
    document = document if isinstance(document, dict) else {}
    listed = document.get("errors")
    errors = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    said = [document.get("message"), *(one.get("message") for one in errors)]
    said += [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    fields = tuple((_word(one.get("field")), _word(one.get("code"))) for one in errors)
    return Refusal(error.response.status_code, " / ".join(str(one) for one in said if one), fields)


class TokenRefused(NeedsPerson):
    """GitHub did not accept the token that was sent."""


class NotThere(NeedsPerson):
    """GitHub has no such thing, or does not show it."""


def mapped(error: Exception, place: Place, doing: Doing, whose: str) -> GreenlightError:
    """An error of a call, as one of ours.

    Args:
        error: What the call raised.
        place: The repository.
        doing: What the call was for.
        whose: Names of the variables that hold the credentials.
    """
    if isinstance(error, RateLimitExceeded):
        return _rate_limited(error.retry_after)
    if isinstance(error, RequestTimeout | TimeoutError):
        return Unreachable("GitHub took too long to answer.")
    refusal = refusal_of(error)
    if refusal is not None:
        return _faulty(refusal, error) or _refused(refusal, place, doing, whose)
    if isinstance(error, ValueError):
        return RateLimited("GitHub asks to slow down.", SECONDARY_WAIT_S)
    return Unreachable("GitHub did not answer.")


def not_signed_in(error: Exception, place: Place, whose: str) -> GreenlightError:
    """An error of the App's own calls: those that get a token for the repository."""
    refusal = refusal_of(error)
    if refusal is not None and refusal.status == HTTPStatus.NOT_FOUND:
        return NeedsPerson(
            f"The GitHub App is not installed on {place.full} (any more): install it there, or give its "
            "installation this repository, and try again."
        )
    if refusal is not None and refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return NeedsPerson(
            f"The GitHub App's installation on {place.full} lacks a permission or this repository: it takes "
            "what the README lists, accepted by an owner."
        )
    return mapped(error, place, _SIGNING_IN, whose)


def moved(place: Place) -> NeedsPerson:
    """What a redirect means: credentials and words do not follow it."""
    return NeedsPerson(
        f"The repository {place.full} was renamed or moved at GitHub: correct it in the configuration and "
        "restart me."
    )


def _faulty(refusal: Refusal, error: Exception) -> Unreachable | None:
    """GitHub's own failure, with the pause it asks for."""
    if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR or not isinstance(error, RequestFailed):
        return None
    asked = error.response.headers.get("retry-after", "")
    after = float(asked) if asked.isascii() and asked.isdecimal() else None
    return Unreachable(f"GitHub has a fault of its own ({refusal.status}).", after)


def _refused(refusal: Refusal, place: Place, doing: Doing, whose: str) -> GreenlightError:
    status, said = refusal.status, refusal.said.lower()
    if status == HTTPStatus.TOO_MANY_REQUESTS or "rate limit" in said or "abuse detection" in said:
        return RateLimited("GitHub asks to slow down.", SECONDARY_WAIT_S)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(
            f"GitHub does not accept {whose}: wrong, expired or revoked. Set a new one and restart me."
        )
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(said, place, doing, whose)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotThere(
            f"GitHub did not find what it takes to {doing.what} in {place.full}: it does not exist, or "
            f"{whose} was not given access to it ({doing.permission})."
        )
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _invalid(refusal, place, doing)
    return NeedsPerson(f"GitHub refused to {doing.what} in {place.full} ({status}).")


def _forbidden(said: str, place: Place, doing: Doing, whose: str) -> NeedsPerson:
    if "saml" in said or "single sign-on" in said:
        return NeedsPerson(
            f"The organisation of {place.full} demands single sign-on: authorise {whose} for it at GitHub "
            "(on the token's page, Configure SSO), and try again."
        )
    if "archived" in said:
        return NeedsPerson(f"The repository {place.full} is archived at GitHub, so nothing can change there.")
    if "suspended" in said:
        return NeedsPerson(
            f"The GitHub App's installation on {place.full} is suspended: an owner has to unsuspend it."
        )
    if "ip allow list" in said:
        return NeedsPerson(
            f"The organisation of {place.full} lets only listed addresses in: have this machine's added to "
            "its IP allow list."
        )
    return NeedsPerson(
        f"{whose} may not {doing.what} in {place.full}: give it the permission “{doing.permission}” at "
        "GitHub, and try again."
    )


def _invalid(refusal: Refusal, place: Place, doing: Doing) -> GreenlightError:
    said = refusal.said.lower()
    if "already exists" in said:
        return Unreachable("GitHub has just been given a pull request of this branch.")
    if "no commits between" in said:
        return NeedsPerson(
            "The base branch holds all of this work already, so there is nothing to open a pull request for. "
            "It may have been merged meanwhile."
        )
    if "draft" in said and "not supported" in said:
        return NeedsPerson(
            f"Drafts are not available in {place.full}: GitHub has none in private repositories of its free "
            "plan. The branch is pushed, and nothing but a draft is ever opened: open the pull request by "
            "hand, or change the plan and try again."
        )
    if ("base", "invalid") in refusal.fields:
        return NeedsPerson(
            f"The base branch is not in {place.full} any more: correct it in the configuration and restart "
            "me."
        )
    if ("head", "invalid") in refusal.fields:
        return Unreachable("GitHub does not know the pushed branch yet.")
    known = [f"{field} {code}".strip() for field, code in refusal.fields if field or code]
    about = f" ({', '.join(known[:3])})" if known else ""
    return NeedsPerson(f"GitHub refused to {doing.what} in {place.full} as invalid{about}.")


def _rate_limited(wait: timedelta) -> RateLimited:
    seconds = max(wait.total_seconds(), 1.0)
    if seconds <= SECONDARY_WAIT_S:
        return RateLimited("GitHub asks to slow down.", seconds)
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return RateLimited(f"GitHub's rate limit is used up until {until:%H:%M} UTC.", seconds)


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
