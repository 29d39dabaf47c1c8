"""What requests to the servers outside are called: the same in every play."""

import contextlib
import json
import re
from urllib.parse import parse_qs

from aiohttp import web

from tests.journeys.reading import key_of


def of_slack(request: web.Request, body: bytes) -> str:
    """The method, and of a card its key."""
    key = ""
    with contextlib.suppress(ValueError):
        args = json.loads(body) if request.content_type == "application/json" else parse_qs(body.decode())
        metadata = args.get("metadata")
        key = key_of(metadata[0] if isinstance(metadata, list) else metadata)
    return f"slack {request.path.rpartition('/')[2]} {key}".strip()


def of_model(request: web.Request, _body: bytes) -> str:
    """Who asks."""
    return f"model {request.headers.get('X-Greenlight-Role', request.path)}"


def of_forge(request: web.Request, _body: bytes) -> str:
    """Method and path beneath the repository's."""
    path = re.sub(r"^/api/v3/repos/[^/]+/[^/]+/?", "", request.path)
    return f"forge {request.method} {re.sub('[0-9a-f]{40}', 'COMMIT', path)}"


def of_git(request: web.Request, _body: bytes) -> str:
    """What git does there."""
    service = request.query.get("service") or request.path.rpartition("/")[2]
    return f"git {request.method} {service}"
