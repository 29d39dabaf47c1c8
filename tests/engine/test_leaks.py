"""What looks like a credential is found, whatever a repository says; ordinary code is not."""

import hashlib
import sysconfig
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from engine import own_secrets
from engine.events import Leak, Ran, Verified
from engine.leak_shapes import NAMED, RANDOM
from engine.leaks import MOST, REMOVED, cleaned, in_file, in_text, mark, marked, redacted, without
from engine.leaks import kinds as withheld_kinds
from engine.schemas import Report
from tests import fake_secrets
from tests.engine.strategies import check_result, report
from tests.fake_secrets import FAKES, kind_of

ROOT = Path(__file__).parents[2]


def kinds(path: str, text: str, before: str | None = None) -> set[str]:
    return {leak.kind for leak in in_file(path, None if before is None else before.encode(), text.encode())}


@pytest.mark.parametrize("name", FAKES)
@pytest.mark.parametrize(
    "around", ["{}", 'x = "{}"', "- {} # note", "log: \\n{}\\n", "{}  # pragma: allowlist secret", "a\t{};b"]
)
def test_every_kind_is_found_where_it_stands(name: str, around: str) -> None:
    text = f"one\ntwo\n{around.format(FAKES[name])}\nfour\n"
    assert Leak(path="src/a.py", line=3, kind=kind_of(name)) in in_file("src/a.py", None, text.encode())


@pytest.mark.parametrize("name", FAKES)
def test_no_kind_of_file_hides_it(name: str) -> None:
    for path in ("uv.lock", "a.png", ".secrets.baseline", "docs/x.min.js", "LICENSE", "test/fixture.bin"):
        assert kind_of(name) in kinds(path, FAKES[name]), path


@pytest.mark.parametrize("name", FAKES)
def test_encodings_and_long_lines_do_not_hide_it(name: str) -> None:
    secret = FAKES[name]
    for data in (
        secret.encode("utf-16"),
        secret.encode("utf-16-le"),
        b"\x00\x01\x02\xff" + secret.encode() + b"\x00\xff",
        b"\xff\xfe\xfd" + secret.encode("latin-1"),
        ("; " * 990 + secret + "; " * 5000).encode(),
        ("; " * 9_000 + secret).encode(),
    ):
        assert kind_of(name) in {leak.kind for leak in in_file("x", None, data)}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", f'password = "{fake_secrets.NAMED}"'),
        ("a.py", f"api_token='{fake_secrets.NAMED}'"),
        (".env", f"CLIENT_SECRET={fake_secrets.NAMED}"),
        ("deploy.sh", f"export ACCESS_TOKEN={fake_secrets.NAMED}"),
        ("conf/app.yml", f"  password: {fake_secrets.NAMED}"),
        ("app.ts", f'const apiKey = "{fake_secrets.NAMED}";'),
    ],
)
def test_a_field_named_like_a_credential_is_found(path: str, line: str) -> None:
    assert kinds(path, line) == {NAMED}


def test_random_text_in_quotes_is_found_but_not_in_lock_files() -> None:
    line = f'value = "{fake_secrets.RANDOM}"'
    assert kinds("a.py", line) == {RANDOM}
    assert kinds("poetry.lock", line) == set()


def test_only_new_lines_count() -> None:
    secret = FAKES["GitHub token"]
    assert kinds("a.py", f"new\n{secret}\n", before=f"old\n{secret}\n") == set()
    assert kinds("a.py", f"new\n{secret} \n", before=f"old\n{secret}\n") == {"GitHub token"}
    assert kinds("a.py", "gone\n", before=f"{secret}\n") == set()


def test_a_key_that_is_exchanged_within_its_frame_is_found() -> None:
    begin, end = FAKES["private key"], FAKES["private key"].replace("BEGIN", "END")
    old, new = "FAKE" * 16, "KEAF" * 16
    assert kinds("a.pem", f"{begin}\n{new}\n{end}\n", before=f"{begin}\n{old}\n{end}\n") == {"private key"}
    assert kinds("a.pem", f"{begin}\n{old}\n{end}\n# new\n", before=f"{begin}\n{old}\n{end}\n") == set()


def test_a_path_that_holds_one_is_not_shown() -> None:
    found = in_file(f"x/{FAKES['GitHub token']}.txt", None, b"text")
    assert [leak.kind for leak in found] == ["GitHub token"]
    assert [leak.path for leak in found] == ["x/(GitHub token withheld).txt"]


def test_what_is_found_is_bounded() -> None:
    found = in_file("a", None, "\n".join([FAKES["GitHub token"]] * 5000).encode())
    assert len(found) <= MOST + len(FAKES)


ORDINARY = [
    ("a.py", 'password = os.environ["PASSWORD"]'),
    ("a.py", 'token = "your-token-here-123"'),
    ("a.py", 'password: str = Field(default="")'),
    ("a.yml", "password: ${{ secrets.DB_PASSWORD_2 }}"),
    ("a.yml", "token: $TOKEN_FROM_CI1"),
    ("a.py", f'commit = "{hashlib.sha256(b"x").hexdigest()[:40]}"'),
    ("a.py", f'digest = "{hashlib.sha256(b"x").hexdigest()}"'),
    ("a.py", f'id = "{uuid.uuid5(uuid.NAMESPACE_DNS, "x")}"'),
    ("a.py", 'ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"'),
    ("package-lock.json", '"integrity": "sha512-Zt5Rb7Yc1Vd4Ks9Hm3Pj6GfQq8Wn2Lx0Zt5Rb7Yc1Vd4Ks9Hm3Pj6Gf=="'),
    ("a.html", '<script integrity="sha384-Zt5Rb7Yc1Vd4Ks9Hm3Pj6GfQq8Wn2Lx0Zt5Rb7Yc1Vd4Ks9Hm3Pj6Gf">'),
    ("requirements.txt", f"x==1 --hash=sha256:{hashlib.sha256(b'y').hexdigest()}"),
    ("go.sum", "x v1.0.0 h1:Zt5Rb7Yc1Vd4Ks9Hm3Pj6GfQq8Wn2Lx0Zt5Rb7Yc1Vd4="),
    ("a.py", 'url = "https://user:password@example.com/x"'),
    ("a.py", 'url = "postgres://postgres:postgres@localhost:5432/db"'),
    ("a.sql", "select client_secret_id, md5(password_2) from users_1"),
    ("a.py", 'ghp = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"'),
]


@pytest.mark.parametrize(("path", "line"), ORDINARY)
def test_ordinary_lines_are_not_found(path: str, line: str) -> None:
    assert kinds(path, line) == set()


def test_the_code_of_this_project_is_clean() -> None:
    """Including its lock files; what stands for credentials in tests is put together there."""
    named = [path for part in ("bot", "engine") for path in (ROOT / part).rglob("*") if path.is_file()]
    files = [
        *named,
        ROOT / "requirements.lock",
        ROOT / "uv.lock",
        ROOT / "pyproject.toml",
        ROOT / "README.md",
    ]
    found = {
        leak
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
        for leak in in_file(str(path.relative_to(ROOT)), None, path.read_bytes())
    }
    assert found == set()
    assert len(files) > 100


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(sorted(FAKES.values())), st.text(max_size=20), st.sampled_from(["\n", " ", '"'])
    ),
    max_size=8,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_nothing_of_a_credential_is_left_in_what_is_redacted(text: str) -> None:
    left = redacted(text)
    assert not in_text("a text", left)
    assert in_text("a text", text) or left == text


def test_a_value_is_taken_out_wherever_it_stands() -> None:
    assert without(f"a {fake_secrets.NAMED} b", [fake_secrets.NAMED]) == f"a {REMOVED} b"


@pytest.mark.parametrize("name", FAKES)
def test_what_a_command_or_a_model_said_is_kept_without_it(name: str) -> None:
    secret = FAKES[name]
    result = check_result(Ran.COMMIT, "c" * 40).model_copy(update={"output_tail": f"one\n{secret}\nthree"})
    said = Verified(commit="c" * 40, results=(result,), facts=())
    kept = cleaned(said)
    assert secret not in kept.model_dump_json()
    assert kept.results[0].output_tail.startswith("one\n")
    assert cleaned(kept) is kept, "what holds none stays as it is"
    long = Report.model_validate(
        report().model_dump() | {"summary": secret[:3000], "next_steps": [secret[:300]]}
    )
    assert secret not in cleaned(long).model_dump_json()
    assert (
        fake_secrets.NAMED
        not in cleaned(
            long.model_copy(update={"summary": fake_secrets.NAMED}), [fake_secrets.NAMED]
        ).model_dump_json()
    )


def test_ordinary_code_hardly_ever_looks_like_it() -> None:
    """Measured over code of others: fewer than one in 10,000 lines."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [path for part in ("asyncio", "email", "http", "json") for path in (library / part).glob("*.py")]
    texts = {str(path.relative_to(library)): path.read_bytes() for path in files}
    found = [leak for path, data in texts.items() for leak in in_file(path, None, data)]
    lines = sum(data.count(b"\n") for data in texts.values())
    assert lines > 20_000
    assert len(found) < lines / 10_000, found


# ---------------------------------------------------------------- withheld


@pytest.mark.parametrize("name", sorted(FAKES))
def test_a_mark_tells_the_kind_and_stays(name: str) -> None:
    told = redacted(f"before {FAKES[name]} after")
    if name != "password in an address":  # of which only the password goes
        assert told == f"before {mark(kind_of(name))} after"
    assert FAKES[name] not in told
    assert marked(told)
    assert redacted(told) == told
    assert withheld_kinds(f"x {FAKES[name]}") == (kind_of(name),)


BODY = "\n".join(["MIIEFAKEfakeFAKEfake0123456789" * 2] * 5)
BEGIN = FAKES["private key"]
END = BEGIN.replace("BEGIN", "END")


@pytest.mark.parametrize(
    "key",
    [
        f"{BEGIN}\n{BODY}\n{END}",
        f"{BEGIN}\r\nProc-Type: 4,ENCRYPTED\r\n\r\n{BODY}\r\n{END}",
        f"{BEGIN}\\n{BODY}\\n{END}".replace("\n", "\\n"),
        "\n".join(f"{n}| {line}" for n, line in enumerate([BEGIN, *BODY.splitlines(), END], 1)),
        f"{BEGIN}\n{BODY}",
        f"> {BEGIN}\n> " + BODY.replace("\n", "\n> "),
    ],
)
def test_a_private_key_goes_with_its_body(key: str) -> None:
    told = redacted(f"Use this:\n{key}\nThank you.")
    assert "MIIE" not in told
    assert "private key withheld" in told
    assert told.startswith("Use this:\n")
    assert told.endswith("Thank you.")


def test_values_of_the_process_are_found_whatever_their_form() -> None:
    value = "visibly-fake-webhook-secret"
    assert redacted(f"a {value} b") == f"a {value} b"
    own_secrets.learn_from(
        {"GITHUB_WEBHOOK_SECRET": value, "SOME_KEY_FILE": "/etc/fake-key.pem", "API_KEY": "short"}
    )
    assert redacted(f"a {value} b") == f"a {mark(own_secrets.OWN)} b"
    assert redacted("/etc/fake-key.pem short") == "/etc/fake-key.pem short"
    assert {leak.kind for leak in in_text("x", value)} == {own_secrets.OWN}


def test_a_mark_that_does_not_fit_is_cut_to_the_field() -> None:
    class Short(BaseModel):
        text: str = Field(max_length=20)

    assert cleaned(Short(text=FAKES["AWS key"])) == Short(text=mark("AWS key"))
    assert cleaned(Short(text=f"{FAKES['AWS key']}")).text == "(AWS key withheld)"


def test_the_code_of_this_project_and_of_the_sample_is_left_as_it_is() -> None:
    files = [
        f
        for d in ("bot", "engine")
        for f in (ROOT / d).rglob("*")
        if f.suffix in {".py", ".sql", ".md", ".yml", ".csv", ".js", ".html"}
    ]
    changed = [f.name for f in files if redacted(f.read_text()) != f.read_text()]
    assert len(files) > 300
    assert changed == []


@pytest.mark.parametrize(
    "part", ["eyJ", "eyJ.a", f"{BEGIN}\n", f"{BEGIN}A ", 'auth\\"', "http://a:", "machine a login b "]
)
def test_texts_made_to_be_slow_are_not(part: str) -> None:
    text = part * (200_000 // len(part))
    began = time.process_time()
    redacted(text)
    assert time.process_time() - began < 4
