"""The sandbox against commands that want out, want more, or do not end."""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
import pytest_asyncio

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.bwrap_choice import remedy
from engine.adapters.toolchain import Toolchain
from engine.errors import SandboxUnavailable
from engine.ports import Command, Ended, Execution, Limits
from tests.engine.adapters.conftest import PlainUser

pytestmark = pytest.mark.xdist_group("sandbox")

CANARY = "canary-secret-9f31"
Run = Callable[..., Coroutine[object, object, Execution]]


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
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file.txt").write_text("from the checkout\n")
    return tree


@pytest.fixture
def run(sandbox: BubblewrapSandbox, tree: Path) -> Run:
    async def call(*argv: str, **bounds: float) -> Execution:
        limits = Limits.model_validate({"wall_s": 20, **bounds})
        return await sandbox.run(Command(argv=argv, tree=tree, limits=limits))

    return call


@pytest_asyncio.fixture
async def server() -> AsyncIterator[int]:
    """A server on the host's loopback; yields its port."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"reached")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()


async def becomes(true: Callable[[], bool]) -> bool:
    for _ in range(500):
        if true():
            return True
        await asyncio.sleep(0.02)
    return False


ORPHAN = """
import asyncio, sys
from pathlib import Path
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.ports import Command
command = Command(argv=("sleep", sys.argv[2]), tree=Path(sys.argv[1]))
asyncio.run(BubblewrapSandbox().run(command))
"""


def processes_with(mark: str) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in command:
                found.append(int(process.name))
    return found


# ---------------------------------------------------------------- how commands end


async def test_probe_describes_the_sandbox_in_a_line(sandbox: BubblewrapSandbox) -> None:
    line = await sandbox.probe()
    assert line.startswith("bubblewrap 0.")
    assert line.endswith("seccomp, no network")


async def test_output_exit_code_and_digest_are_the_commands_own(run: Run) -> None:
    done = await run("sh", "-c", "cat file.txt; echo oops >&2; exit 3")
    assert (done.exit_code, done.ended, done.truncated) == (3, Ended.EXIT, False)
    assert done.output == "from the checkout\noops\n"
    assert done.digest == hashlib.sha256(done.output.encode()).hexdigest()
    assert (await run("true")).exit_code == 0


async def test_arguments_are_not_read_by_a_shell(run: Run) -> None:
    done = await run("printf", "%s|", "$HOME", "a b", "'", "; exit 9", "")
    assert done.output == "$HOME|a b|'|; exit 9||"


async def test_a_signal_is_128_and_its_number(run: Run) -> None:
    assert (await run("sh", "-c", "kill -9 $$")).exit_code == 137


async def test_what_cannot_be_started_says_so(run: Run) -> None:
    done = await run("no-such-program")
    assert (done.exit_code, done.ended) == (None, Ended.START)
    assert "no-such-program" in done.output


async def test_a_tree_over_the_quota_is_not_started(run: Run, tree: Path) -> None:
    (tree / "big").write_bytes(os.urandom(3 << 20))
    done = await run("true", tree_mb=2)
    assert (done.exit_code, done.ended) == (None, Ended.START)
    assert "No space left" in done.output


async def test_the_clock_ends_what_hangs_and_all_it_started(run: Run) -> None:
    mark = f"sleep {40_000 + os.getpid() % 9_000}"
    started = time.monotonic()
    done = await run("sh", "-c", f"echo begun; setsid {mark} & (trap '' TERM INT; {mark})", wall_s=1)
    assert (done.exit_code, done.ended) == (None, Ended.TIMEOUT)
    assert done.output == "begun\n"
    assert time.monotonic() - started < 3
    assert not processes_with(mark.replace(" ", "\0"))


async def test_daemons_die_with_the_command(run: Run) -> None:
    number = str(50_000 + os.getpid() % 9_000)
    script = f"setsid nohup sleep {number} >/dev/null 2>&1 & until pgrep -x sleep; do :; done"
    done = await run("sh", "-c", script)
    assert done.exit_code == 0, "the daemon did run"
    assert not processes_with(f"sleep\0{number}")


async def test_cancelling_kills_the_whole_tree_before_it_returns(
    sandbox: BubblewrapSandbox, tree: Path
) -> None:
    number = str(60_000 + os.getpid() % 9_000)
    script = f"(trap '' TERM INT HUP; sleep {number}) & setsid sleep {number} & sleep {number}"
    running = asyncio.create_task(sandbox.run(Command(argv=("sh", "-c", script), tree=tree)))
    assert await becomes(lambda: len(processes_with(f"sleep\0{number}")) >= 3)
    started = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not processes_with(f"sleep\0{number}")
    assert time.monotonic() - started < 1


async def test_cancelling_while_starting_leaves_nothing(sandbox: BubblewrapSandbox, tree: Path) -> None:
    number = str(70_000 + os.getpid() % 9_000)
    for milliseconds in range(40):
        running = asyncio.create_task(sandbox.run(Command(argv=("sleep", number), tree=tree)))
        await asyncio.sleep(milliseconds / 1000)
        running.cancel()
        _, late = await asyncio.wait([running], timeout=5)
        assert not late
        assert not processes_with(str(tree))
        assert not processes_with(f"sleep\0{number}")


async def test_commands_die_with_a_bot_that_is_killed(sandbox: BubblewrapSandbox, tree: Path) -> None:
    number = str(80_000 + os.getpid() % 9_000)
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, str(tree), number)
    assert await becomes(lambda: len(processes_with(f"sleep\0{number}")) > 0)
    await asyncio.sleep(0.2)
    bot.kill()
    await bot.wait()
    assert await becomes(lambda: not processes_with(number))


async def test_runs_side_by_side_do_not_meet(run: Run) -> None:
    script = "echo $1 >mine; touch /tmp/mark-$1; sleep 0.1; cat mine; ls -d /tmp/mark-*"
    done = await asyncio.gather(*(run("sh", "-c", script, "sh", str(n)) for n in range(8)))
    assert [one.output for one in done] == [f"{n}\n/tmp/mark-{n}\n" for n in range(8)]


# ---------------------------------------------------------------- bounds


async def test_a_gigabyte_of_output_is_ended_and_bounded(run: Run) -> None:
    done = await run(
        "sh", "-c", "echo first; yes filler | head -c 1000000000; echo last", output_bytes=10_000
    )
    assert (done.exit_code, done.ended, done.truncated) == (None, Ended.OUTPUT, True)
    assert len(done.output) < 10_200
    assert done.output.startswith("first\n")


async def test_long_output_keeps_its_head_and_its_tail(run: Run) -> None:
    done = await run("sh", "-c", "echo first; seq 1 20000; echo last", output_bytes=1_000)
    assert done.exit_code == 0
    assert done.output.startswith("first\n")
    assert done.output.endswith("20000\nlast\n")
    assert "bytes of output left out" in done.output
    assert len(done.output) < 1_100


async def test_a_fork_bomb_is_bounded(run: Run) -> None:
    script = (
        "import os, time\n"
        "made = 0\n"
        "try:\n"
        "    for _ in range(300):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(30)\n"
        "        made += 1\n"
        "except OSError as error:\n"
        "    print('stopped', made, error.errno)\n"
        "else:\n"
        "    print('no bound')\n"
    )
    done = await run("python", "-c", script, processes=64)
    assert done.output.startswith("stopped ")
    assert int(done.output.split()[1]) < 64


async def test_a_real_fork_bomb_ends_with_the_clock(run: Run) -> None:
    done = await run("sh", "-c", "bomb() { bomb | bomb & }; bomb; sleep 30", wall_s=1.5, processes=64)
    assert done.ended is Ended.TIMEOUT
    assert done.duration_s < 4


async def test_memory_is_bounded(run: Run) -> None:
    done = await run("python", "-c", "x = bytearray(600 << 20); print('got it')", memory_mb=400)
    assert "MemoryError" in done.output
    assert (
        await run("python", "-c", "x = bytearray(100 << 20); print('got it')", memory_mb=400)
    ).exit_code == 0


async def test_memory_of_all_processes_together_is_bounded(run: Run) -> None:
    script = "import os, time\nos.fork()\nos.fork()\nx = b'x' * (100 << 20)\ntime.sleep(20)\n"
    done = await run("python", "-c", script, total_mb=200)
    assert (done.ended, done.exit_code) == (Ended.SIZE, None)
    assert done.duration_s < 10
    shared = "import os, time\nx = b'x' * (100 << 20)\nfor _ in range(3): os.fork()\ntime.sleep(2.5)\n"
    assert (await run("python", "-c", shared, total_mb=200)).exit_code == 0, "shared pages count once"


async def test_processor_time_is_bounded(run: Run) -> None:
    done = await run("sh", "-c", "while :; do :; done", cpu_s=1)
    assert done.exit_code in (137, 152)
    assert done.duration_s < 10


@pytest.mark.parametrize("place", ["/checkout", "/tmp", "/dev/shm", "/home/agent"])
async def test_everything_writable_has_a_quota(run: Run, place: str) -> None:
    script = f"head -c $1 /dev/zero >{place}/big && stat -c %s {place}/big"
    assert (await run("sh", "-c", script, "sh", "4000000", tree_mb=8, tmp_mb=8)).output == "4000000\n"
    assert "No space left" in (await run("sh", "-c", script, "sh", "40000000", tree_mb=8, tmp_mb=8)).output


async def test_nothing_else_takes_more_than_a_megabyte(run: Run) -> None:
    script = (
        "find / -xdev -type d -writable; find /dev /run /home /etc -type d -writable; "
        "for place in /dev /run /home /etc / /usr; do head -c 4000000 /dev/zero >$place/big; done; "
        "find /dev/big /run/big /home/big /etc/big /big /usr/big -size +1100k"
    )
    done = await run("sh", "-c", f"({script}) 2>/dev/null")
    known = {"/checkout", "/tmp", "/dev/shm", "/home/agent", "/home", "/run", "/run/tree"}
    assert set(done.output.split()) <= known


# ---------------------------------------------------------------- no way out


async def test_no_network_not_even_the_hosts_loopback(run: Run, server: int) -> None:
    connect = f"import socket; print(socket.create_connection(('127.0.0.1', {server}), 2).recv(9))"
    outside = await asyncio.create_subprocess_exec(
        sys.executable, "-c", connect, stdout=asyncio.subprocess.PIPE
    )
    assert b"reached" in (await outside.communicate())[0]
    inside = await run("python", "-c", connect)
    assert inside.exit_code == 1
    assert "refused" in inside.output.lower()
    named = await run("python", "-c", "import socket; socket.getaddrinfo('example.com', 443)")
    assert "gaierror" in named.output


async def test_loopback_inside_works(run: Run) -> None:
    script = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname()); print('ok')\n"
    )
    assert (await run("python", "-c", script)).output == "ok\n"


@pytest.mark.parametrize("family", ["AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_BLUETOOTH", "AF_CAN", "AF_TIPC"])
async def test_other_address_families_do_not_exist(run: Run, family: str) -> None:
    done = await run("python", "-c", f"import socket; socket.socket(socket.{family}, socket.SOCK_RAW)")
    assert done.exit_code == 1
    assert "Error" in done.output


DENIED_CALLS = {
    "unshare(CLONE_NEWUSER)": "libc.unshare(0x10000000)",
    "setns": "libc.setns(0, 0)",
    "ptrace": "libc.ptrace(0, 0, 0, 0)",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "keyctl": "libc.syscall(250 if x86 else 219, 0, -3, 0)",
    "bpf": "libc.syscall(321 if x86 else 280, 0, 0, 0)",
    "io_uring_setup": "libc.syscall(425, 1, 0)",
    "perf_event_open": "libc.syscall(298 if x86 else 241, 0, 0, -1, -1, 0)",
    "clone(CLONE_NEWUSER)": "libc.syscall(56 if x86 else 220, 0x10000011, 0, 0, 0, 0)",
    "TIOCSTI": "libc.ioctl(0, 0x5412, b'x')",
}


@pytest.mark.parametrize("call", DENIED_CALLS)
async def test_dangerous_calls_are_denied(run: Run, call: str) -> None:
    script = (
        "import ctypes, os, platform\n"
        "x86 = platform.machine() == 'x86_64'\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"result = {DENIED_CALLS[call]}\n"
        "print(result, ctypes.get_errno())\n"
    )
    assert (await run("python", "-c", script)).output == "-1 1\n"


async def test_nothing_of_the_host_is_seen(
    run: Run, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").write_text(CANARY)
    monkeypatch.setenv("SLACK_BOT_TOKEN", CANARY)
    monkeypatch.setenv("LD_PRELOAD_CANARY", CANARY)
    places = (tmp_path, Path.home() / ".bashrc", Path("/etc/shadow"), Path("/var/log"), Path(__file__))
    for place in places:
        done = await run("sh", "-c", 'cat "$1"; ls -la "$1"', "sh", str(place))
        assert CANARY not in done.output
        assert done.exit_code != 0, place
    everything = await run(
        "sh",
        "-c",
        f"env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; grep -rsl {CANARY} /etc /home /tmp",
    )
    assert CANARY not in everything.output.replace(f"grep -rsl {CANARY}", "")
    assert "SLACK_BOT_TOKEN" not in everything.output
    assert "LD_PRELOAD_CANARY" not in everything.output


async def test_only_own_processes_are_seen(run: Run) -> None:
    done = await run("sh", "-c", "ls -d /proc/[0-9]* | wc -l; hostname; id -un")
    count, host, user = done.output.split()
    assert int(count) < 12
    assert (host, user) == ("sandbox", "agent")


async def test_kernel_settings_cannot_be_written(run: Run) -> None:
    done = await run("sh", "-c", "echo x >/proc/sys/kernel/core_pattern || echo x >/proc/sysrq-trigger")
    assert done.exit_code != 0
    assert Path("/proc/sys/kernel/core_pattern").read_text() != "x\n"


async def test_it_has_no_capabilities_and_gains_none(run: Run) -> None:
    done = await run("grep", "-E", "^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)", "/proc/self/status")
    values = {line.split()[1] for line in done.output.splitlines() if line.startswith("Cap")}
    assert values == {"0000000000000000"}
    assert "NoNewPrivs:\t1" in done.output


async def test_no_descriptor_of_the_host_is_inherited(run: Run) -> None:
    done = await run("sh", "-c", "ls -l /proc/$$/fd")
    assert "memfd" not in done.output
    assert len([line for line in done.output.splitlines() if "->" in line]) <= 4


async def test_writes_stay_inside(run: Run, tree: Path) -> None:
    script = (
        "echo changed >file.txt && echo new >new.txt && rm -rf ./* && echo again >file.txt && cat file.txt"
    )
    assert (await run("sh", "-c", script)).output == "again\n"
    assert [path.name for path in tree.iterdir()] == ["file.txt"]
    assert (tree / "file.txt").read_text() == "from the checkout\n"
    direct = await run("sh", "-c", "echo planted >/run/tree/file.txt")
    assert "Read-only" in direct.output
    assert (tree / "file.txt").read_text() == "from the checkout\n"


async def test_a_link_out_of_the_tree_leads_nowhere(run: Run, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    (tree / "link").symlink_to(tmp_path / "secret")
    (tree / "up").symlink_to("../../secret")
    done = await run("sh", "-c", "cat link up; cp -L link copy; echo planted >link; ls")
    assert CANARY not in done.output
    assert (tmp_path / "secret").read_text() == CANARY


async def test_the_toolchain_is_read_only(run: Run) -> None:
    done = await run(
        "python",
        "-c",
        "import os, sys\n"
        "for place in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), '/usr', '/etc', '/'):\n"
        "    try: open(place + '/planted', 'w'); print('wrote', place)\n"
        "    except OSError: pass\n",
    )
    assert (done.exit_code, done.output) == (0, "")


async def test_a_virtual_environment_in_a_project_does_not_show_the_project(run: Run) -> None:
    project = Path(sys.prefix).parent
    assert (project / "pyproject.toml").exists() or sys.prefix == sys.base_prefix
    done = await run("sh", "-c", 'ls -A "$1"', "sh", str(project))
    assert done.output.split() == [Path(sys.prefix).name]


# ---------------------------------------------------------------- what commands are for


async def test_pytest_and_make_work(run: Run, tree: Path) -> None:
    (tree / "Makefile").write_text("test:\n\tpython -m pytest -q -p no:cacheprovider\n")
    (tree / "test_it.py").write_text(
        "import duckdb\ndef test(): assert duckdb.sql('select 1').fetchall() == [(1,)]\n"
    )
    done = await run("make", "test")
    assert (done.exit_code, "1 passed" in done.output) == (0, True), done.output
    (tree / "test_it.py").write_text("def test(): assert False\n")
    assert (await run("make", "test")).exit_code == 2
    assert not list(tree.rglob("*.pyc"))


async def test_executable_files_of_the_tree_run(run: Run, tree: Path) -> None:
    (tree / "go.sh").write_text("#!/bin/sh\necho gone\n")
    (tree / "go.sh").chmod(0o755)
    assert (await run("./go.sh")).output == "gone\n"


async def test_a_private_tree_can_be_run(run: Run, tree: Path) -> None:
    (tree / "file.txt").chmod(0o600)
    tree.chmod(0o700)
    assert (await run("sh", "-c", "cat file.txt && echo x >new")).output == "from the checkout\n"


# ---------------------------------------------------------------- choosing, and saying what is missing


@pytest.mark.parametrize("binary", ["/nonexistent/bwrap", "/bin/false"])
async def test_without_bubblewrap_the_fix_is_told(binary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLIGHT_BWRAP", binary)
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap"):
        await BubblewrapSandbox().probe()


async def test_a_bubblewrap_that_does_not_isolate_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo bubblewrap 9.9; exit; }\n'
        'while [ "$1" != -- ]; do shift; done; shift\nexec "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("GREENLIGHT_BWRAP", str(fake))
    with pytest.raises(SandboxUnavailable):
        await BubblewrapSandbox().probe()


def settings(tmp_path: Path, **values: str) -> Path:
    for name, value in values.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("kernel__unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user__max_user_namespaces", "0", "user.max_user_namespaces"),
        ("kernel__apparmor_restrict_unprivileged_userns", "1", "apt install bubblewrap"),
    ],
)
def test_the_cause_is_named(tmp_path: Path, setting: str, value: str, fix: str) -> None:
    proc = settings(tmp_path / "proc", **{setting: value})
    said = "1 bwrap: setting up uid map: Permission denied"
    assert fix in remedy(said, proc, tmp_path)
    assert fix not in remedy(said, tmp_path / "elsewhere", tmp_path)


def test_a_container_is_named(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert "--security-opt seccomp=unconfined" in remedy("1 bwrap: No permissions", tmp_path, tmp_path)


def test_a_toolchain_never_shows_the_home_directory() -> None:
    for wide in (Path("/"), Path.home(), Path.home().parent):
        with pytest.raises(SandboxUnavailable):
            Toolchain([wide])


PLAIN = """
import asyncio, os, sys
from pathlib import Path
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.ports import Command, Limits
async def main():
    box = BubblewrapSandbox([])
    print(await box.probe())
    for script in sys.argv[2:]:
        command = Command(argv=("sh", "-c", script), tree=Path(sys.argv[1]), limits=Limits(processes=40))
        done = await box.run(command)
        print(done.exit_code, done.ended, done.output.strip()[-60:])
assert os.geteuid() != 0
asyncio.run(main())
"""


def test_it_works_for_a_plain_user_too(public: Path, plain_user: PlainUser) -> None:
    tree = public / "tree"
    tree.mkdir()
    (tree / "file.txt").write_text("x")
    forks = "i=0; while [ $i -lt 80 ]; do sleep 5 & i=$((i+1)); done"
    done = plain_user(
        PLAIN, str(tree), "cat file.txt; echo y >file.txt", forks, "id -u; ls /root", "echo x >/usr/planted"
    )
    lines = done.stdout.splitlines()
    assert lines[0].endswith("seccomp, no network"), done.stderr
    assert lines[1] == "0 exit x"
    assert "fork" in done.stdout
    assert "cannot create /usr/planted" in done.stdout
    assert (tree / "file.txt").read_text() == "x"
