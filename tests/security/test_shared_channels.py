"""A channel that another workspace comes to share, over the wire: by Slack's event, or a message's mark."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot import decode
from engine.events import Opened, Shared
from tests.security.identity.sharing import PLAYS, tried

pytestmark = pytest.mark.xdist_group("identity")


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
async def test_a_channel_that_becomes_shared(play: Callable[[Path], Awaitable[None]], tmp_path: Path) -> None:
    await play(tmp_path)


async def test_what_does_not_hold_is_told_with_its_line(tmp_path: Path) -> None:
    async def left_open(_: Path) -> None:
        assert not "open", "the work went on"

    assert "the work went on" in (await tried(left_open, tmp_path)).wrong
    assert (await tried(PLAYS[-1], tmp_path)).wrong == ""


@pytest.mark.parametrize(
    ("event", "outer", "told"),
    [
        ({"type": "channel_shared", "connected_team_id": "T9"}, {}, Shared),
        ({"type": "channel_shared"}, {}, Shared),
        ({"type": "channel_unshared", "is_ext_shared": False}, {}, Shared),
        ({"type": "channel_unshared", "is_ext_shared": True}, {}, None),
        ({"type": "channel_unshared"}, {}, None),
        ({"type": "message"}, {"is_ext_shared_channel": True}, Shared),
        ({"type": "message"}, {"is_ext_shared_channel": False}, None),
        ({"type": "message"}, {"is_ext_shared_channel": "true"}, None),
        ({"type": "message"}, {}, None),
        ({"type": "channel_shared", "channel": None}, {}, None),
        ({"type": "channel_shared", "event_ts": "soon"}, {}, None),
    ],
)
def test_what_tells_that_a_channel_is_shared(event: dict[str, Any], outer: dict[str, Any], told: Any) -> None:
    body = {"team_id": "T1", **outer, "event": {"channel": "C1", "event_ts": "1764000000.000100", **event}}
    found = decode.sharing(body)
    assert (type(found.what) if found else None) is told
    if found is not None:
        assert (found.home, found.channel) == ("T1", "C1")
        assert found.what.shared is (event["type"] != "channel_unshared")


def test_a_mention_in_a_shared_channel_says_so() -> None:
    said = {"type": "message", "channel": "C1", "user": "U1", "text": "<@UBOT> go", "ts": "1764000000.000100"}
    for shared in (True, False):
        heard = decode.message({"team_id": "T1", "is_ext_shared_channel": shared, "event": said}, "UBOT")
        assert heard is not None
        assert isinstance(heard.what, Opened)
        assert heard.what.shared is shared
