"""Doubts about a green check, each put to the test by one more run over the artifacts.

A check runs code that an agent wrote, and a green end may be that code's own doing. So a green check is run
again (a) with the tests and file modes that the work changed as they were before it, (b) with comments that
silence checkers misspelt, and, where tests are counted, (c) without code that bends how they compare and
count, and (d) with failing tests of ours beside its own: a check that stays green then cannot fail. The last
has to end red, all others green.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engine.bending import Code, bends, without_bends
from engine.doubts import failed_in_python, planted_in_python
from engine.errors import Rejected
from engine.events import CheckResult, Ran
from engine.files import Checkout, Kind
from engine.ports import TreeEntry, Workspace
from engine.request import SpecVersion
from engine.runs.material import texts_at
from engine.silencers import silencers, without_silencers
from engine.tallies import tallies

_MOST = 40
_COUNTED = ("pytest", "unittest", "node", "jest")
_TEST_FOLDERS = frozenset({"test", "tests", "spec", "specs", "__tests__", "testing"})
_TEST_NAME = re.compile(r"tests?_.*|.*_tests?\.\w+|.*[.-](?:test|tests|spec)\.\w+|test\w*\.py|conftest\.py")
_PYTHON = re.compile(r"test\w*\.py|\w+_test\.py")
_SCRIPT = re.compile(r"(?P<before>.*)(?P<ending>[.-](?:test|spec)\.[cm]?[jt]sx?)")
_FAILING = """\
import unittest


class Test{name}(unittest.TestCase):
    def test_{name}_equal(self):
        self.assertEqual(1, 2)

    def test_{name}_true(self):
        self.assertTrue(False)

    def test_{name}_raises(self):
        with self.assertRaises(KeyError):
            {{1: 2}}[1]

    def test_{name}_plain(self):
        raise AssertionError("{name}")
"""
# By whatever name the file's own runner has: Jest's and Mocha's globals, an import, Node's own. The name is
# said only if the test fails, and it fails only where assertions do.
_FAILING_SCRIPT = """
;(typeof test === 'function' ? test : typeof it === 'function' ? it
  : globalThis.process.getBuiltinModule('node:test').test)('ours', () => {
  const assert = globalThis.process.getBuiltinModule?.('node:assert')
  const wrong = [() => assert.equal(1, 2), () => assert.strictEqual(1, 2), () => assert.deepEqual([1], [2]),
    () => assert.deepStrictEqual([1], [2]), () => assert.ok(false), () => assert.throws(() => 1)]
  const held = (one) => { try { one(); return false } catch { return true } }
  if (!assert || wrong.every(held)) throw new Error('NAME')
})
"""


async def trials(
    workspace: Workspace, spec: SpecVersion, commit: str, results: Sequence[CheckResult]
) -> Mapping[str, tuple[Ran, ...]]:
    """Which trials each check needs that was green at the commit and with only the artifacts, by its name."""
    green = [one for one in results if one.green and one.commit == commit]
    alone = {one.check: one for one in green if one.where is Ran.ARTIFACTS}
    names = [one.check for one in green if one.where is Ran.COMMIT and one.check in alone]
    if not names:
        return {}
    changed = [
        *([Ran.OLD_TESTS] if await old_tests(workspace, spec, commit) else ()),
        *([Ran.UNSILENCED] if await silenced(workspace, spec, commit) else ()),
    ]
    counted = [*([Ran.UNBENT] if await bent(workspace, spec, commit) else ()), Ran.CONTROL]
    at_base = {one.check: one for one in results if one.where is Ran.BASE}
    return {
        name: (*changed, *(counted if _counts(alone[name]) or _counts(at_base.get(name)) else ()))
        for name in names
    }


def _counts(result: CheckResult | None) -> bool:
    return result is not None and any(name in tallies(result.output_tail) for name in _COUNTED)


def to_compare(control: CheckResult) -> bool:
    """Whether a control ended so that the base has to tell what of it is collected at all."""
    return control.green or bool(control.unseen) or failed_in_python(control) < planted_in_python(control)


# ---------------------------------------------------------------- the trees


@dataclass(frozen=True)
class Laid:
    """A tree that was made.

    Attributes:
        about: See `CheckResult.about`.
        planted: What failing tests were put beside, by a part of their names that nobody could know.
    """

    about: tuple[str, ...] = ()
    planted: Mapping[str, str] = field(default_factory=dict)

    def unseen(self, output: str) -> tuple[str, ...]:
        """See `CheckResult.unseen`."""
        return tuple(beside for name, beside in self.planted.items() if name not in output)


async def lay(workspace: Workspace, spec: SpecVersion, commit: str, where: Ran, tree: Path) -> Laid:
    """Make the tree of a run over the artifacts."""
    artifacts: Sequence[str] = spec.draft.artifacts
    about: tuple[str, ...] = ()
    if where is Ran.OLD_TESTS:
        about = await old_tests(workspace, spec, commit)
        artifacts = [path for path in artifacts if path not in about]
    await workspace.overlay(spec.base_commit, commit, artifacts, tree)
    if where is Ran.UNSILENCED:
        about = await silenced(workspace, spec, commit)
        await _rewrite(await _texts(workspace, spec, commit), tree, _without_silencers)
    if where is Ran.UNBENT:
        about = await bent(workspace, spec, commit)
        await _rewrite(await _texts(workspace, spec, commit, ".py"), tree, _without_bends)
    if where in {Ran.CONTROL, Ran.BASE_CONTROL}:
        planted = await asyncio.to_thread(_plant, Checkout(tree), secrets.token_hex(4))
        return Laid(tuple(planted.values()), planted)
    return Laid(about)


async def old_tests(workspace: Workspace, spec: SpecVersion, commit: str) -> tuple[str, ...]:
    """Artifacts that were tests before the work and were changed or deleted by it, or only their mode was."""
    before = {entry.path: entry for entry in await workspace.files(spec.base_commit)}
    after = {entry.path: entry for entry in await workspace.files(commit)}
    return tuple(
        path
        for path in spec.draft.artifacts
        if path in before
        and after.get(path) != before[path]
        and (is_test(path) or _blob(after, path) == _blob(before, path))
    )


def _blob(files: Mapping[str, TreeEntry], path: str) -> str:
    return files[path].blob if path in files else ""


def is_test(path: str) -> bool:
    """Whether a path is named as tests and what they need are."""
    *folders, name = path.casefold().split("/")
    return bool(_TEST_FOLDERS & set(folders)) or _TEST_NAME.fullmatch(name) is not None


async def silenced(workspace: Workspace, spec: SpecVersion, commit: str) -> tuple[str, ...]:
    """Comments in artifacts, new with the work, that tell a checker to look away: path:line and wording."""
    return tuple(
        f"{path}:{number} ({word})"
        for path, text, before in await _texts(workspace, spec, commit)
        for number, word in silencers(text, before)
    )


async def bent(workspace: Workspace, spec: SpecVersion, commit: str) -> tuple[str, ...]:
    """Code in artifacts, new with the work, that bends how tests compare and count: path:line and wording."""
    found = [
        f"{path}:{number} ({word})"
        for path, text, before in await _texts(workspace, spec, commit, ".py")
        for number, word in await asyncio.to_thread(bends, text, before, _code(path))
    ]
    return tuple(found)


def _code(path: str) -> Code:
    return Code.TESTS if is_test(path) else Code.PRODUCT


def _without_silencers(_: str, text: str, before: str) -> str:
    return without_silencers(text, before)


def _without_bends(path: str, text: str, before: str) -> str:
    return without_bends(text, before, _code(path))


async def _rewrite(
    texts: Sequence[tuple[str, str, str]], tree: Path, without: Callable[[str, str, str], str]
) -> None:
    checkout = Checkout(tree)
    for path, text, before in texts:
        rest = await asyncio.to_thread(without, path, text, before)
        if rest != text:
            await asyncio.to_thread(checkout.write, path, rest.encode())


async def _texts(
    workspace: Workspace, spec: SpecVersion, commit: str, ending: str = ""
) -> list[tuple[str, str, str]]:
    """Path, text at the commit and text before of each artifact that is named so."""
    paths = [path for path in spec.draft.artifacts if path.endswith(ending)]
    before = await texts_at(workspace, spec.base_commit, paths)
    after = await texts_at(workspace, commit, paths)
    return [(path, text, before.get(path, "")) for path, text in after.items()]


def _plant(checkout: Checkout, token: str) -> dict[str, str]:
    """Put failing tests beside the repository's; returns beside what, by their names.

    Python's runners load all files into one process: a file a folder is enough. Those of JavaScript give each
    file a process: a copy of each gets one test more.
    """
    paths = [PurePosixPath(entry.path) for entry in checkout.walk() if entry.kind is Kind.FILE]
    folders = dict.fromkeys(path.parent for path in paths if _PYTHON.fullmatch(path.name))
    scripts = [(path, found) for path in paths if (found := _SCRIPT.fullmatch(path.name))]
    planted: dict[str, str] = {}
    for folder in list(folders)[:_MOST]:
        name = f"{token}{len(planted):02}"
        if _written(checkout, folder / f"test_{name}.py", _FAILING.format(name=name).encode()):
            planted[name] = str(folder / "test_*.py")
    for path, found in scripts[:_MOST]:
        name = f"{token}{len(planted):02}"
        copy = path.with_name(f"{found['before']}-{name}{found['ending']}")
        content = _read(checkout, path) + _FAILING_SCRIPT.replace("NAME", name).encode()
        if _written(checkout, copy, content):
            planted[name] = str(path)
    return planted


def _read(checkout: Checkout, path: PurePosixPath) -> bytes:
    with contextlib.suppress(Rejected):
        return checkout.read(str(path))
    return b""


def _written(checkout: Checkout, path: PurePosixPath, content: bytes) -> bool:
    with contextlib.suppress(Rejected):  # the base may hold names beneath which nothing is written
        checkout.write(str(path), content)
        return True
    return False
