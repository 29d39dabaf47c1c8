"""A password behind its name is taken out of people's words; what only talks of passwords is left."""

import time
from pathlib import Path

import pytest

from engine.leaks import kinds, redacted, redacted_words

ROOT = Path(__file__).parents[2]
FAKE = "FAKEw0rd42"
PASTED = (
    f"password: {FAKE}",
    f"Password : {FAKE}",
    f"pw: {FAKE}",
    f"pwd={FAKE}",
    f"Passwort: {FAKE}",
    f"PASSWORD={FAKE}",
    f"DB_PASSWORD={FAKE}",
    f"export PGPASSWORD='{FAKE}'",
    f"dbPassword={FAKE},",
    f"dbPass => '{FAKE}'",
    f"smtp_pass={FAKE}",
    f"password2: {FAKE}",
    f"*password:* {FAKE}",
    f"*password*: `{FAKE}`",
    f"*Password:* `{FAKE}`",
    f"the password is {FAKE}",
    f"the password is {FAKE}!",
    f"(password: {FAKE}).",
    f'{{"password": "{FAKE}"}}',
    f'password = "{FAKE}"',
    f"spring.datasource.password={FAKE}",
    f"Server=db;User Id=sa;Password={FAKE};Database=prod",
    f"host=db user=app password={FAKE} dbname=prod",
    f"https://h.internal/?user=a&password={FAKE}&x=1",
    f"postgres://app:{FAKE}@db.internal:5432/prod",
    f"redis://:{FAKE}@cache.internal",
    f"mysql -u root -p{FAKE} prod",
    f"sshpass -p {FAKE} ssh h",
    f"deploy --password {FAKE}",
    f"deploy --db-password={FAKE}",
    f"curl -u app:{FAKE} https://h.internal",
    f"curl -sS --user 'app:{FAKE}' https://h.internal",
    f"Authorization: Bearer {FAKE}{FAKE}",
    f'"authorization": "token {FAKE}{FAKE}"',
    f"api_key={FAKE}x7q",
    f"client_secret: {FAKE}x7q",
    f"X-Api-Key: {FAKE}x7q",
    f"token = {FAKE}x7q",
)
OTHERS = {
    "p@ssw,ord!": "password: p@ssw,ord!",
    "sw0rd;fish": "password: sw0rd;fish",
    "19371937": "pin? no, password: 19371937",
    "swordfish": "postgres://app:swordfish@db.internal/prod",
    "YXBwOkZBS0V3b3Jk": "Authorization: Basic YXBwOkZBS0V3b3Jk",
}
TALK = (
    "password: required",
    "Password: must be 8 characters or longer",
    "the password is required, the token is optional",
    "the password is SHA256-hashed",
    "password: sha256",
    "password: AC1",
    "password: DATA-142",
    "password=password",
    "password=os.environ['DB_PASSWORD_2']",
    "password=settings.password2",
    "password: str = Field(min_length=8)",
    "connect(password=get_secret('db1'))",
    "password: ${DB_PASSWORD1}",
    "password: <your password1>",
    "password: $PGPASSWORD1",
    "password: ********1",
    "password: user1@example.com",
    "PWD=/srv/checkout1",
    "pwd && ls -l1",
    "bypass: a1b2c3d4",
    "compass=north12",
    "postgres://user:password@localhost/db",
    "postgres://app:FAKEw0rd42@localhost/db",
    "tokens: 20000",
    "token: ABC-123",
    "NextToken: eyJhIjoxfQ8w7",
    "max_tokens=4096, temperature=0.7",
    "key: a1b2c3d4e5f6",
    "Authorization: Bearer <token>",
    "Authorization: Basic auth is used",
    "curl -u $USER:$PASSWORD1 https://h.internal",
    "Please rotate the password of the staging database by 2026-12-01.",
    "Passwords longer than 72 bytes are cut by bcrypt2.",
)


@pytest.mark.parametrize("line", PASTED)
def test_what_is_pasted_is_taken_out_and_all_else_is_left(line: str) -> None:
    left = redacted_words(line)
    assert FAKE not in left
    (kind,) = kinds(line)
    assert f"({kind} withheld)" in left
    assert redacted_words(left) == left
    begins, _, ends = line.partition(FAKE)
    assert left.startswith(begins)
    assert left.rstrip("`'\").,").endswith(("withheld", ends.rpartition(FAKE)[2].rstrip("`'\").,!")))


@pytest.mark.parametrize("word", OTHERS)
def test_other_signs_belong_to_it(word: str) -> None:
    assert word in OTHERS[word]
    assert word[4:] not in redacted_words(OTHERS[word])


@pytest.mark.parametrize("line", TALK)
def test_who_talks_of_passwords_is_heard(line: str) -> None:
    assert redacted_words(line) == line


def test_where_agents_work_only_a_form_tells() -> None:
    line = f'password = "{FAKE}"'
    assert redacted(line) == line != redacted_words(line)


def test_one_that_has_a_form_too_is_told_once() -> None:
    token = "ghp_" + "FAKEfake0123456789" * 2
    assert kinds(f"password: {token}") == ("GitHub token",)
    assert redacted_words(f"password: {token}") == "password: (GitHub token withheld)"


def test_ordinary_texts_hold_none() -> None:
    texts = [ROOT / "README.md", ROOT / "manifest.yml", *(ROOT / "engine").rglob("*.md")]
    texts += [*(ROOT / "engine").rglob("*.py"), *(ROOT / "bot").rglob("*.py")]
    assert len(texts) > 100
    assert [path.name for path in texts if redacted_words(path.read_text()) != path.read_text()] == []


@pytest.mark.parametrize("unit", ["a_", "password:", "-p", "curl -u a:", "x://a:", "pass", "Authorization: "])
def test_no_text_holds_it_up(unit: str) -> None:
    began = time.process_time()
    redacted_words(unit * (20_000 // len(unit)))
    assert time.process_time() - began < 2
