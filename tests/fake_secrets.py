"""Texts that look like credentials of every kind that is looked for. None ever was one: all say FAKE."""

import base64

_F = "FAKEfake0123456789"
_HEX = "fa4efa4e01234567890abcdef89abcde"


def _web_token() -> str:
    parts = ('{"alg":"HS256","typ":"JWT"}', '{"sub":"fake"}')
    return ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts) + f".{_F * 2}"


FAKES: dict[str, str] = {
    "private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "GitHub token": "ghp_" + _F * 2,
    "GitHub token (fine-grained)": "github_pat_" + "11FAKEFAKE0FAKEFAKE0AA" + "_" + (_F * 4)[:59],
    "Anthropic key": "sk-ant-" + "api03-" + _F * 4,
    "OpenAI key": "sk-proj-" + _F * 3,
    "Slack token": "xoxb-" + "1234567890123-1234567890123-" + _F + _F[:6],
    "Slack token (app)": "xapp-" + "1-A0FAKEFAKE-1234567890123-" + _HEX * 2,
    "Slack token (configuration)": "xoxe.xoxp-" + "1-" + _F * 4,
    "Slack token (refresh)": "xoxe-" + "1-" + _F * 4,
    "Databricks token": "dapi" + _HEX,
    "npm token": "npm_" + _F * 2,
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + _F * 4,
    "AWS key": "AKIA" + "FAKE0FAKE1FAKE2X",
    "Google key": "AIza" + (_F * 2)[:35],
    "JSON web token": _web_token(),
    "GitLab token": "glpat-" + _F + _F[:4],
    "Azure key": "AccountKey=" + (_F * 5)[:86] + "==",
    "SendGrid key": "SG." + (_F * 2)[:22] + "." + (_F * 3)[:43],
    "Stripe key": "sk_live_" + _F + _F[:6],
    "Hugging Face token": "hf_" + "FAKEfakeABCDEFGHabcdefghIJKLMNijkl",
    "login": '"auth": "' + base64.b64encode(b"app:FAKE-pa55word").decode() + '"',
    "login (of a machine)": "machine git.example.com login app password FAKE-pa55word",
    "password in an address": "postgres://app:FAKE-pa55word@db.fake-company.internal/prod",
}
"""By kind; what stands in parentheses tells several of one kind apart."""

NAMED = "Zq7-FAKE-w0rd4x9"
RANDOM = "FAKEq8Wn2Lx0Zt5Rb7Yc1Vd4Ks9Hm3Pj6Gf"


def kind_of(name: str) -> str:
    """The kind as it is told."""
    return name.partition(" (")[0]
