"""What the bot shows GitHub, read from the environment once, at start: a token, or a GitHub App's key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from engine.errors import ConfigurationInvalid

TOKEN = "GITHUB_TOKEN"  # noqa: S105 (names of variables)
APP_ID = "GITHUB_APP_ID"
APP_KEY = "GITHUB_APP_PRIVATE_KEY"

_A_TOKEN = re.compile(r"[A-Za-z0-9_.-]{8,1000}")
_AN_APP = re.compile(r"[0-9]{1,20}|Iv[A-Za-z0-9.]{5,60}")
_LARGEST_KEY = 20_000


@dataclass(frozen=True)
class AppKey:
    """A GitHub App: its id (or client id) and its private key in PEM."""

    app: str
    key: SecretStr


Secrets = SecretStr | AppKey


def secrets_from(environment: Mapping[str, str]) -> Secrets:
    """GITHUB_TOKEN, or GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY (PEM, or the path of a file with it).

    Raises:
        ConfigurationInvalid: none, both or half of them are set, or one is malformed; names it and the fix.
    """
    token, app, key = (environment.get(name, "").strip() for name in (TOKEN, APP_ID, APP_KEY))
    if token and (app or key):
        raise ConfigurationInvalid(
            f"Both {TOKEN} and {APP_ID} or {APP_KEY} are set: keep one of the two ways."
        )
    if token:
        return _token(token)
    if app and key:
        return AppKey(app=_app(app), key=_key(key))
    if app or key:
        missing, there = (APP_KEY, APP_ID) if app else (APP_ID, APP_KEY)
        raise ConfigurationInvalid(
            f"{there} is set, but {missing} is not. GitHub shows both on the app's settings page, under "
            "General."
        )
    raise ConfigurationInvalid(
        f"A repository is at GitHub, but {TOKEN} is not set (nor {APP_ID} and {APP_KEY}). Make a "
        "fine-grained token for it at GitHub, under Settings, Developer settings; the README lists its "
        "permissions."
    )


def _token(token: str) -> SecretStr:
    if not _A_TOKEN.fullmatch(token):
        raise ConfigurationInvalid(
            f"{TOKEN} does not look like a token of GitHub: copy it anew, without quotes or spaces."
        )
    return SecretStr(token)


def _app(app: str) -> str:
    if not _AN_APP.fullmatch(app):
        raise ConfigurationInvalid(f"{APP_ID} should be the app's number or client id, such as 123456.")
    return app


def _key(given: str) -> SecretStr:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = given.replace("\\n", "\n") if given.startswith("-----BEGIN") else _file(given)
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationInvalid(
            f"{APP_KEY} holds no RSA private key in PEM form: generate one on the app's settings page, and "
            "give the file's content or its path."
        )
    return SecretStr(text)


def _file(name: str) -> str:
    path = Path(name).expanduser()
    try:
        if path.stat().st_size <= _LARGEST_KEY:
            return path.read_text("utf-8")
    except (OSError, ValueError):
        pass
    # The value is not shown: it may be a key that lost its first line.
    raise ConfigurationInvalid(
        f"{APP_KEY} is neither a private key in PEM form nor the path of a file with one."
    )
