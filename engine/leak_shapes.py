"""What credentials look like: the scanner's plugins that are used, and shapes of our own.

The plugins are used as they are, one by one: the scanner's own settings, baselines, inline pragmas and its
verification over the network have no part in it, so nothing in a repository can switch anything off.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from detect_secrets.filters.heuristic import (
    is_indirect_reference,
    is_potential_uuid,
    is_sequential_string,
    is_templated_secret,
)
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

NAMED = "value of a field named like a credential"
RANDOM = "random text like a key"
KEY = "private key"

_NAMED_LIMIT, _RANDOM_LIMIT = 3.0, 4.5
_SHORTEST, _LONGEST = 8, 200
_SHORTEST_TOKEN, _FEWEST_SIGNS = 18, 7
_KEY_LENGTHS = range(32, 101)
_DIGEST = re.compile(r"(?:sha\d+|md5|blake\w+|h1)[-:]", re.IGNORECASE)
_CONFIGURATION = re.compile(
    r"(?:^|/)(?:\.env[^/]*|[^/.]+|[^/]*\.(?:env|sh|conf|cfg|txt|toml|tfvars|envrc|md))$"
)
_MORE_NAMES = re.compile(
    r"(?:token|credentials?|passphrase|bearer|access_?key)\w{0,20}[\]'\"]{0,2}\s{0,4}(?::=|=>|={1,3}|:)\s{0,4}"
    r"(['\"]?)([^\s'\"`,;(){}\[\]]{8,200})\1",
    re.IGNORECASE,
)
_NAMES = re.compile(
    r"key|pass|pwd|secret|contrase|token|credential|bearer",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"example|changeme|change_me|placeholder|dummy|redacted|your[-_]|<|\$|\*{3}|xxxx|\{\{|%\(|not[-_]?a[-_]|"
    r"^test|localhost",
    re.IGNORECASE,
)
_NOWHERE = re.compile(
    r"(?:localhost|127\.|0\.0\.0\.0|\[?::1|(?:[\w-]+\.)*example\b|(?:db|postgres|host(?:name)?)(?=[:/]|$))",
    re.I,
)
_SAMPLE_PASSWORD = re.compile(
    r"[a-z]{1,8}|(?:user|pass|pw|secret|token|x+|\*+|\.+|test|root|admin|guest)\w{0,8}", re.I
)


@dataclass(frozen=True)
class Span:
    """Where in a line something looks like a credential, and like which kind."""

    start: int
    end: int
    kind: str


_JWT = JwtTokenDetector()
# The library's plugin also takes the words without the dashes, which prose holds.
_OURS: tuple[tuple[str, *tuple[str, ...]], ...] = (
    (KEY, r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----", r"PuTTY-User-Key-File-\d"),
    (
        "GitHub token",
        r"github_pat_[A-Za-z0-9]{20,24}_[A-Za-z0-9]{50,64}",
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
    ),
    ("Anthropic key", r"sk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{24,}"),
    ("OpenAI key", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    (
        "Slack token",
        r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{20,}",
        r"xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{20,}",
        r"xox[a-z]-[0-9A-Za-z]+-[0-9A-Za-z-]{20,}",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9]{6,}/[A-Za-z0-9]{6,}/[A-Za-z0-9]{16,}",
    ),
    ("Databricks token", r"dapi[a-f0-9]{32}(?:-\d)?", r"dkea[a-f0-9]{32}", r"dose[a-f0-9]{32}"),
    ("npm token", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    ("GitLab token", r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent|oas|imt|ffct)-[A-Za-z0-9_.-]{20,}"),
    (
        "Google key",
        r"AIza[A-Za-z0-9_-]{35}",
        r"GOCSPX-[A-Za-z0-9_-]{28}",
        r"ya29\.[A-Za-z0-9_-]{30,}",
    ),
    # The library's ends before the signature.
    ("JSON web token", r"eyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{2,8000}\.[A-Za-z0-9_-]{10,2000}"),
    ("Hugging Face token", r"hf_[A-Za-z]{34}"),
    ("HashiCorp Vault token", r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("DigitalOcean token", r"do[opr]_v1_[a-f0-9]{64}"),
    ("age key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    (
        "Azure key",
        r"(?:SharedAccessKey|AccountKey)=[A-Za-z0-9+/]{40,}={0,2}",
        r"sig=[A-Za-z0-9%+/]{40,}",
    ),
    # As .docker/config.json and .netrc hold them.
    (
        "login",
        r"\\{0,3}\"auth\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"[A-Za-z0-9+/]{14,400}={0,2}\\{0,3}\"",
        r"machine\s{1,4}\S{1,200}\s{1,4}login\s{1,4}\S{1,200}\s{1,4}password\s{1,4}\S{8,200}",
    ),
)
_THEIRS: tuple[tuple[str, RegexBasedDetector], ...] = (
    ("AWS key", AWSKeyDetector()),
    ("Azure key", AzureStorageKeyDetector()),
    ("Discord token", DiscordBotTokenDetector()),
    ("GitHub token", GitHubTokenDetector()),
    ("GitLab token", GitLabTokenDetector()),
    ("JSON web token", _JWT),
    ("Mailchimp key", MailchimpDetector()),
    ("npm token", NpmDetector()),
    ("OpenAI key", OpenAIDetector()),
    ("PyPI token", PypiTokenDetector()),
    ("SendGrid key", SendGridDetector()),
    ("Slack token", SlackDetector()),
    ("Square token", SquareOAuthDetector()),
    ("Stripe key", StripeDetector()),
    ("Telegram token", TelegramBotTokenDetector()),
    ("Twilio key", TwilioKeyDetector()),
)


def shapes(line: str) -> Iterator[Span]:
    """Credentials that show by their form alone."""
    for kind, pattern in _patterns():
        for found in pattern.finditer(line):
            if _is_whole(found) and (kind != "JSON web token" or _JWT.is_formally_valid(found[0])):
                yield Span(found.start(), found.end(), kind)
    for pattern in _basic_auth():
        for found in pattern.finditer(line):
            if _is_password(found[1]) and not _NOWHERE.match(line, found.end()):
                yield Span(found.start(1), found.end(1), "password in an address")


def _is_whole(found: re.Match[str]) -> bool:
    """Whether it is no part of a longer word, such as a gene's letters, and no row of crosses."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    in_word = (before.isupper() or before.isdigit()) and after.isalnum()
    return not in_word and len(found[0]) >= _SHORTEST_TOKEN and len(set(found[0])) >= _FEWEST_SIGNS


def _is_password(value: str) -> bool:
    return not (_PLACEHOLDER.search(value) or _SAMPLE_PASSWORD.fullmatch(value))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    ours = tuple((kind, re.compile(pattern)) for kind, *patterns in _OURS for pattern in patterns)
    return ours + tuple((kind, pattern) for kind, plugin in _THEIRS for pattern in plugin.denylist)


@cache
def _basic_auth() -> tuple[re.Pattern[str], ...]:
    return tuple(BasicAuthDetector().denylist)


def guesses(path: str, line: str) -> Iterator[Span]:
    """Values that are likely credentials: by the name of their field, or by being random.

    Digests, ids, identifiers, references to variables and placeholders are none.
    """
    if _NAMES.search(line):
        for value in _named(path, line):
            at = line.find(value)
            if at >= 0 and is_secret(value) and not is_indirect_reference(line):
                yield Span(at, at + len(value), NAMED)
    random = Base64HighEntropyString(_RANDOM_LIMIT)
    for found in random.regex.finditer(line):
        if _is_random(found[2], random):
            yield Span(found.start(2), found.end(2), RANDOM)


def _named(path: str, line: str) -> Iterator[str]:
    plugin = KeywordDetector()
    # For files of no known kind the plugin wants quotes, which settings and shell scripts do without.
    name = "settings.ini" if _CONFIGURATION.search(path) else path
    for secret in plugin.analyze_line(name, line):
        if secret.secret_value:
            yield secret.secret_value.split("#")[0].strip()
    for found in _MORE_NAMES.finditer(line):
        if found[1] or name == "settings.ini" or path.endswith((".yml", ".yaml", ".ini", ".properties")):
            yield found[2]


def is_secret(value: str) -> bool:
    """Whether what is named like a credential is likely one: no placeholder, path, digest, id or word."""
    if not _SHORTEST <= len(value) <= _LONGEST or re.search(r"\s", value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)):
        return False
    if _PLACEHOLDER.search(value) or _DIGEST.match(value) or re.match(r"\w+://|/|\./|@", value):
        return False
    if is_templated_secret(value) or is_sequential_string(value) or is_potential_uuid(value):
        return False
    return _entropy(value) >= _NAMED_LIMIT


def _is_random(value: str, plugin: Base64HighEntropyString) -> bool:
    if len(value) not in _KEY_LENGTHS or _DIGEST.match(value) or is_sequential_string(value.rstrip("=+/-_")):
        return False
    counts = [len(re.findall(one, value)) for one in (r"\d", "[A-Z]", "[a-z]")]
    if min(counts) < max(3, len(value) // 12):
        return False
    return plugin.calculate_shannon_entropy(value) > _RANDOM_LIMIT


def _entropy(value: str) -> float:
    return Base64HighEntropyString(_NAMED_LIMIT).calculate_shannon_entropy(value)
