"""The sandbox's two ways to have more than the tree: what is mounted into it, and preparing that."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.errors import SandboxUnavailable
from engine.ports import Command, Ended, Limits, Mount, Preparation
from tests.engine.adapters.conftest import PlainUser

pytestmark = pytest.mark.xdist_group("sandbox")

CANARY = "canary-secret-77ab"
WRITES = (
    "for way in 'echo x >lib/there.txt' 'echo x >lib/new' 'rm lib/there.txt' 'rmdir lib' 'mv lib away' "
    "'chmod 777 lib' 'touch lib' 'ln -s /tmp lib/link' 'mkdir lib/more'; do "
    'if sh -c "$way" 2>/dev/null; then echo "could: $way"; fi; done; cat lib/there.txt'
)


@pytest_asyncio.fixture
async def sandbox() -> BubblewrapSandbox:
    box = BubblewrapSandbox()
    try:
        await box.probe()
    except SandboxUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no sandbox here: {reason.sentence}")
    return box


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return make_room(tmp_path / "room")


def make_room(room: Path) -> Path:
    for name in ("tree", "home", "tmp"):
        (room / name).mkdir(parents=True)
        (room / name).chmod(0o777)
    return room


@pytest_asyncio.fixture
async def server() -> AsyncIterator[int]:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"reached")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()


def made(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True)
    for name, text in files.items():
        (directory / f"{name}.txt").write_text(text)
    return directory


# ---------------------------------------------------------------- mounts


async def test_a_mount_is_seen_in_the_tree_and_cannot_be_written(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    tree, lib = made(tmp_path / "tree", own="own\n"), made(tmp_path / "lib", there="prepared\n")
    lib.chmod(0o777)
    done = await sandbox.run(
        Command(argv=("sh", "-c", WRITES), tree=tree, mounts=(Mount(source=lib, at="lib"),))
    )
    assert done.output == "prepared\n"
    assert [path.name for path in lib.iterdir()] == ["there.txt"]
    beside = Command(
        argv=("sh", "-c", "echo more >own.txt; cat own.txt; id -u; stat -c %u own.txt lib/there.txt"),
        tree=tree,
        mounts=(Mount(source=lib, at="lib"),),
    )
    assert (await sandbox.run(beside)).output.split()[:3] == ["more", "1000", "1000"]


async def test_a_deep_mount_lies_among_the_trees_own_files(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    tree, lib = made(tmp_path / "tree" / "apps" / "web", own="own\n"), made(tmp_path / "lib", there="in\n")
    done = await sandbox.run(
        Command(
            argv=(
                "sh",
                "-c",
                "cd apps/web; cat own.txt lib/there.txt; echo x >new && ls",
            ),
            tree=tree.parents[1],
            mounts=(Mount(source=lib, at="apps/web/lib"),),
        )
    )
    assert done.output.split() == ["own", "in", "lib", "new", "own.txt"]


async def test_programs_of_mounts_are_found_first(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    tree, lib = made(tmp_path / "tree"), made(tmp_path / "lib" / "bin").parent
    (lib / "bin" / "make").write_text("#!/bin/sh\necho theirs\n")
    (lib / "bin" / "make").chmod(0o755)
    plain = Command(argv=("make", "--version"), tree=tree)
    assert "theirs" not in (await sandbox.run(plain)).output
    mounted = plain.model_copy(update={"mounts": (Mount(source=lib, at=".venv"),)})
    assert (await sandbox.run(mounted)).output == "theirs\n"


async def test_programs_of_mounts_never_take_the_place_of_the_launchers(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    tree, lib = made(tmp_path / "tree"), made(tmp_path / "lib" / ".bin").parent
    for name in (
        "cp",
        "find",
        "chown",
        "prlimit",
        "setpriv",
        "env",
        "sh",
        "command",
        "printf",
        "echo",
        "cat",
    ):
        (lib / ".bin" / name).write_text('#!/usr/bin/sh\necho "hijacked by $(/usr/bin/id -u)"\n')
        (lib / ".bin" / name).chmod(0o755)
    command = Command(argv=("id", "-u"), tree=tree, mounts=(Mount(source=lib, at="node_modules"),))
    done = await sandbox.run(command)
    assert (done.exit_code, done.output) == (0, "1000\n")
    theirs = await sandbox.run(command.model_copy(update={"argv": ("cat",)}))
    assert theirs.output == "hijacked by 1000\n"


async def test_a_mount_is_not_copied(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    tree, lib = made(tmp_path / "tree"), made(tmp_path / "lib")
    with (lib / "big").open("wb") as big:
        big.truncate(64 << 20)
    mounts = (Mount(source=lib, at="lib"),)
    done = await sandbox.run(
        Command(argv=("stat", "-c", "%s", "lib/big"), tree=tree, mounts=mounts, limits=Limits(tree_mb=2))
    )
    assert done.output == f"{64 << 20}\n"


# ---------------------------------------------------------------- preparations


async def test_what_a_preparation_writes_stays(sandbox: BubblewrapSandbox, room: Path) -> None:
    (room / "tree" / "lock.txt").write_text("locked\n")
    script = (
        "cat lock.txt; mkdir out && echo made >out/it; echo x >$HOME/cache; echo x >$TMPDIR/t; echo $WHERE"
    )
    done = await sandbox.prepare(Preparation(argv=("sh", "-c", script), room=room, env={"WHERE": "registry"}))
    assert (done.exit_code, done.output) == (0, "locked\nregistry\n")
    assert (room / "tree" / "out" / "it").read_text() == "made\n"
    assert (room / "home" / "cache").exists()
    again = await sandbox.prepare(Preparation(argv=("sh", "-c", "cat out/it && rm -r out"), room=room))
    assert (again.exit_code, again.output) == (0, "made\n")


async def test_a_preparation_reaches_the_network_and_the_hosts_loopback(
    sandbox: BubblewrapSandbox, room: Path, server: int
) -> None:
    connect = f"import socket; print(socket.create_connection(('127.0.0.1', {server}), 2).recv(9))"
    done = await sandbox.prepare(Preparation(argv=("python", "-c", connect), room=room))
    assert done.output == "b'reached'\n"


async def test_a_preparation_sees_whom_the_host_trusts_and_no_private_keys(
    sandbox: BubblewrapSandbox, room: Path
) -> None:
    trusted = Path("/etc/ssl/certs")
    script = "ls -A /etc/ssl/certs | wc -l; ls -A /etc/ssl"
    done = await sandbox.prepare(Preparation(argv=("sh", "-c", script), room=room))
    count, *there = done.output.split()
    assert int(count) == len(list(trusted.iterdir()) if trusted.exists() else [])
    assert set(there) <= {"certs", "cert.pem"}, "and everyone may look: some programs insist"


async def test_a_preparation_opens_no_unix_socket_of_the_host(sandbox: BubblewrapSandbox, room: Path) -> None:
    script = "import socket; socket.socketpair(); print('pair'); socket.socket(socket.AF_UNIX)"
    done = await sandbox.prepare(Preparation(argv=("python", "-uc", script), room=room))
    assert done.output.startswith("pair\n")
    assert "Address family not supported" in done.output


async def test_a_preparation_sees_no_secret_and_nothing_of_the_host(
    sandbox: BubblewrapSandbox, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").write_text(CANARY)
    for name in ("SLACK_BOT_TOKEN", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "PIP_INDEX_URL", "HTTPS_PROXY"):
        monkeypatch.setenv(name, CANARY)
    places = (tmp_path, Path.home() / ".bashrc", Path("/etc/shadow"), Path("/var/log"), Path(__file__))
    script = (
        "env; cat /proc/*/environ | tr '\\0' '\\n'; for p; do cat $p; ls -A $p; done; ls /etc/ssl /etc/pki"
    )
    done = await sandbox.prepare(Preparation(argv=("sh", "-c", script, "sh", *map(str, places)), room=room))
    assert CANARY not in done.output
    assert "TOKEN" not in done.output
    assert "private" not in done.output
    assert "root:*" not in done.output


@pytest.mark.parametrize("how", ["one", "many", "empty"])
async def test_a_preparation_that_writes_too_much_is_ended(
    sandbox: BubblewrapSandbox, room: Path, how: str
) -> None:
    script = {
        "one": "head -c 40000000 /dev/zero >big; sleep 20",
        "many": "i=0; while [ $i -lt 40 ]; do head -c 1000000 /dev/zero >f$i; i=$((i+1)); done; sleep 20",
        "empty": "i=0; while [ $i -lt 3000 ]; do : >f$i; i=$((i+1)); done; sleep 20",
    }[how]
    done = await sandbox.prepare(
        Preparation(argv=("sh", "-c", f"trap '' XFSZ; {script}"), room=room, limits=Limits(tree_mb=8))
    )
    assert done.duration_s < 18 or how == "one"
    if how == "one":  # a single file is bounded by the kernel, at once
        assert (room / "tree" / "big").stat().st_size <= 8 << 20
    else:
        assert (done.ended, done.exit_code) == (Ended.SIZE, None)


async def test_a_cancelled_preparation_is_dead_on_return(sandbox: BubblewrapSandbox, room: Path) -> None:
    script = "while :; do echo x >>still; sleep 0.01; done"
    running = asyncio.create_task(sandbox.prepare(Preparation(argv=("sh", "-c", script), room=room)))
    while not (room / "tree" / "still").exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    size = (room / "tree" / "still").stat().st_size
    await asyncio.sleep(0.1)
    assert (room / "tree" / "still").stat().st_size == size


# ---------------------------------------------------------------- as a plain user

PLAIN = """
import asyncio, os, sys
from pathlib import Path
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.ports import Command, Mount, Preparation
async def main():
    box, room = BubblewrapSandbox([]), Path(sys.argv[1])
    print((await box.prepare(Preparation(argv=("sh", "-c", sys.argv[2]), room=room))).output)
    lib = Mount(source=room / "tree" / "lib", at="lib")
    print((await box.run(Command(argv=("sh", "-c", sys.argv[3]), tree=room / "home", mounts=(lib,)))).output)
assert os.geteuid() != 0
asyncio.run(main())
"""


def test_a_plain_user_prepares_and_cannot_write_a_mount_either(public: Path, plain_user: PlainUser) -> None:
    room = make_room(public / "room")
    made_it = "mkdir lib && echo prepared >lib/there.txt && chmod 777 lib && echo made"
    done = plain_user(PLAIN, str(room), made_it, WRITES)
    assert done.stdout.split() == ["made", "prepared"], (done.stdout, done.stderr[-2000:])


async def test_further_toolchains_come_after_the_own_one(tmp_path: Path) -> None:
    tree, tool = made(tmp_path / "tree"), made(tmp_path / "tool" / "bin").parent
    for name in ("only-there", "python"):
        (tool / "bin" / name).write_text(f"#!/bin/sh\necho {name} of theirs; echo x >$0\n")
        (tool / "bin" / name).chmod(0o755)
    box = BubblewrapSandbox(more=[tool])
    await box.probe()
    done = await box.run(Command(argv=("only-there",), tree=tree))
    assert done.output.startswith("only-there of theirs\n")
    assert "Read-only file system" in done.output
    assert "theirs" not in (await box.run(Command(argv=("python", "-V"), tree=tree))).output
    with pytest.raises(SandboxUnavailable, match="no directory bin"):
        BubblewrapSandbox(more=[tmp_path / "none"])


def test_what_identifies_the_programs_changes_with_them(tmp_path: Path) -> None:
    prefix = made(tmp_path / "tool" / "bin").parent
    before = BubblewrapSandbox([prefix]).programs()
    assert BubblewrapSandbox([prefix]).programs() == before
    (prefix / "bin" / "node").touch()
    os.utime(prefix / "bin", ns=(1, 1))
    assert BubblewrapSandbox([prefix]).programs() != before
    assert sys.version.split()[0] in before
