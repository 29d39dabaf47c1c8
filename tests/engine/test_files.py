"""Checkouts against what may stand in them."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import files
from engine.errors import Rejected
from engine.files import Checkout, Kind
from engine.relative_paths import is_repository_name, path_problem


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("the secret")
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "src").mkdir()
    (root / "src" / "a.sql").write_text("select 1")
    return root


def paths(checkout: Checkout) -> list[str]:
    return [entry.path for entry in checkout.walk() if entry.kind is Kind.FILE]


def test_writes_reads_lists_and_deletes(root: Path) -> None:
    checkout = Checkout(root)
    checkout.write("docs/models/new page.md", b"text\n")
    checkout.write("./src//a.sql", b"select 2")
    assert checkout.read("docs/models/new page.md") == b"text\n"
    assert checkout.read("src/a.sql") == b"select 2"
    assert paths(checkout) == ["docs/models/new page.md", "src/a.sql"]
    assert [entry.path for entry in checkout.list("src")] == ["src/a.sql"]
    checkout.delete("src/a.sql")
    assert paths(checkout) == ["docs/models/new page.md"]


def test_a_shorter_text_leaves_nothing_of_the_longer_and_keeps_the_executable_bit(root: Path) -> None:
    script = root / "run.sh"
    script.write_text("a long text")
    script.chmod(0o755)
    Checkout(root).write("run.sh", b"x")
    assert script.read_bytes() == b"x"
    assert os.access(script, os.X_OK)


BAD = [
    "",
    ".",
    "/etc/passwd",
    "..",
    "a/../../x",
    "../outside/secret.txt",
    "src/../../outside/secret.txt",
    ".git/config",
    ".GIT/config",
    "sub/.Git/hooks/post-checkout",
    ".git./config",
    "git~1/config",
    ".g\u200cit/config",
    ".git::$INDEX_ALLOCATION/config",
    "nul\0byte",
    "new\nline",
    "lone\udcffsurrogate",
    "/".join(["d"] * 40),
    "n" * 300,
    "/".join(["n" * 200] * 6),
]


@pytest.mark.parametrize("path", BAD)
@pytest.mark.parametrize("call", ["read", "write", "delete"])
def test_bad_paths_are_refused_with_a_sentence(root: Path, path: str, call: str) -> None:
    checkout = Checkout(root)
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: checkout.read(path),
        "write": lambda: checkout.write(path, b"planted"),
        "delete": lambda: checkout.delete(path),
    }
    with pytest.raises(Rejected) as refusal:
        calls[call]()
    assert refusal.value.sentence.endswith(".")
    assert paths(checkout) == ["src/a.sql"]
    assert (root.parent / "outside" / "secret.txt").read_text() == "the secret"


def test_links_are_neither_read_nor_written_through(root: Path) -> None:
    secret = root.parent / "outside" / "secret.txt"
    (root / "file-link").symlink_to(secret)
    (root / "dir-link").symlink_to(secret.parent)
    (root / "proc-link").symlink_to("/proc/self/cwd")
    (root / "hard").hardlink_to(secret)
    assert (root / "dir-link" / "secret.txt").read_text() == "the secret", "the attack would work"
    checkout = Checkout(root)
    for name in ("file-link", "dir-link/secret.txt", "proc-link/pyproject.toml", "hard"):
        with pytest.raises(Rejected):
            checkout.read(name)
        with pytest.raises(Rejected):
            checkout.write(name, b"planted")
    for name in ("dir-link/secret.txt", "dir-link/new.txt"):
        with pytest.raises(Rejected):
            checkout.delete(name)
    assert secret.read_text() == "the secret"
    assert list(secret.parent.iterdir()) == [secret]
    kinds = {entry.path: entry.kind for entry in checkout.walk()}
    assert kinds["file-link"] is kinds["dir-link"] is Kind.SYMLINK
    assert kinds["hard"] is Kind.HARD_LINK
    checkout.delete("file-link")
    assert secret.exists()


@pytest.mark.timeout(10)
def test_a_pipe_makes_nothing_wait(root: Path) -> None:
    os.mkfifo(root / "pipe")
    checkout = Checkout(root)
    with pytest.raises(Rejected):
        checkout.read("pipe")
    with pytest.raises(Rejected):
        checkout.write("pipe", b"x")
    assert {entry.path: entry.kind for entry in checkout.walk()}["pipe"] is Kind.SPECIAL


def test_a_directory_swapped_for_a_link_meanwhile_leads_nowhere(root: Path) -> None:
    outside, swapped = root.parent / "outside", root / "swapped"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            swapped.mkdir(exist_ok=True)
            (swapped / "secret.txt").write_text("inside")
            (swapped / "secret.txt").unlink(missing_ok=True)
            for left in swapped.iterdir():
                left.unlink()
            swapped.rmdir()
            swapped.symlink_to(outside)
            swapped.unlink()

    thread = threading.Thread(target=swap)
    thread.start()
    checkout, seen = Checkout(root), set()
    try:
        for _ in range(3_000):
            try:
                seen.add(checkout.read("swapped/secret.txt"))
            except Rejected:
                seen.add(b"refused")
    finally:
        stop.set()
        thread.join()
    assert b"the secret" not in seen
    assert b"refused" in seen


def test_nested_repositories_are_named_and_not_entered(root: Path) -> None:
    (root / "vendor" / ".git").mkdir(parents=True)
    (root / "vendor" / ".git" / "config").write_text("x")
    kinds = {entry.path: entry.kind for entry in Checkout(root).walk()}
    assert kinds == {"src/a.sql": Kind.FILE, "vendor/.git": Kind.REPOSITORY}


def test_names_that_are_not_utf8_are_listed_and_refused(root: Path) -> None:
    with open(os.fsencode(root) + b"/bad\xff", "wb"):  # noqa: PTH123 - bytes path
        pass
    (entry,) = [entry for entry in Checkout(root).walk() if entry.path.startswith("bad")]
    with pytest.raises(Rejected):
        Checkout(root).read(entry.path)


def test_very_deep_directories_do_not_break_the_walk(root: Path) -> None:
    directory = os.open(root, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("n" * 200, dir_fd=directory)
        below = os.open("n" * 200, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
    kinds = {entry.path[:9]: entry.kind for entry in Checkout(root).walk()}
    assert kinds["src/a.sql"] is Kind.FILE
    assert kinds["n" * 9] is Kind.SPECIAL


def test_sizes_are_bounded(root: Path) -> None:
    checkout = Checkout(root)
    with pytest.raises(Rejected):
        checkout.write("big", b"x" * (files.MAX_WRITE_BYTES + 1))
    assert not (root / "big").exists()
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(files.MAX_READ_BYTES + 1)
    with pytest.raises(Rejected):
        checkout.read("sparse")
    with (root / "full").open("wb") as full:
        full.truncate(files.MAX_TREE_BYTES)
    with pytest.raises(Rejected, match="full"):
        Checkout(root).write("one-more", b"x")
    assert not (root / "one-more").exists()
    (root / "full").unlink()
    Checkout(root).write("one-more", b"x")


def test_a_directory_where_a_file_is_meant_and_the_other_way_round(root: Path) -> None:
    checkout = Checkout(root)
    for name in ("src", "src/a.sql/below"):
        with pytest.raises(Rejected):
            checkout.read(name)
        with pytest.raises(Rejected):
            checkout.write(name, b"x")
        with pytest.raises(Rejected):
            checkout.delete(name)


@given(st.text(max_size=30))
def test_any_text_is_a_usable_path_or_a_sentence(text: str) -> None:
    problem = path_problem(text)
    if problem is None:
        assert not text.startswith("/")
        assert not {"..", ".", ""} & set(text.split("/"))
        assert not any(is_repository_name(part) for part in text.split("/"))
    else:
        assert problem
