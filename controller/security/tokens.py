"""Tokens that are known by their form, as detect-secrets and gitleaks know them. Pure; none is part of an answer."""

from __future__ import annotations

import re
from typing import NamedTuple


class _Form(NamedTuple):
    """What one kind looks like. `signs`: one of them is in each, and is looked for first, for that takes no time."""

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]

    def find(self, value: str) -> str | None:
        if not any(sign in value for sign in self.signs):
            return None
        found = self.pattern.search(value)
        return found[0] if found else None


# Every repetition that may fail at its end is bounded, or no other can begin within it: files may be made to keep us
# busy, and are looked at as a whole.
_FORMS = (
    _Form("an AWS access key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Form("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b")),
    _Form("a GitHub token", ("github_pat_",), re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}\b")),
    _Form("a GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    _Form("a Slack token", ("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    _Form("a Slack webhook", ("hooks.slack.com/",), re.compile(r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+")),
    _Form("a Stripe key", ("k_live_",), re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    _Form("a Google key", ("AIza",), re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    _Form("an Anthropic key", ("sk-ant-",), re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    _Form("an OpenRouter key", ("sk-or-v1-",), re.compile(r"\bsk-or-v1-[0-9a-f]{32,}")),
    _Form("an OpenAI key", ("sk-",), re.compile(r"\bsk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[A-Za-z0-9]{40,})")),
    _Form("a Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{34,}\b")),
    _Form("an npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    _Form("a PyPI token", ("pypi-",), re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}")),
    _Form("a Docker Hub token", ("dckr_pat_",), re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{20,}")),
    _Form("a DigitalOcean token", ("_v1_",), re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}\b")),
    _Form("a Telegram token", (":AA",), re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])")),
    _Form("a SendGrid key", ("SG.",), re.compile(r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}")),
    _Form("a private key", ("PRIVATE KEY",), re.compile(r"-----BEGIN (?:[A-Z]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-{5}")),
    _Form("a private key", ("AGE-SECRET-KEY-1",), re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}")),
    _Form("a JSON Web Token", (".eyJ",), re.compile(r"(?<=[\w-]{11})\.eyJ[\w-]{8,}+\.[\w-]{8,}")),
    _Form("a Vault token", ("hvs.",), re.compile(r"\bhvs\.[A-Za-z0-9_-]{24,}")),
)  # fmt: skip


class Token(NamedTuple):
    """One that is in a text. `kind`: `a GitHub token`."""

    kind: str
    text: str


def token_in(value: str) -> Token | None:
    """The first of a known kind."""
    found = ((form.kind, form.find(value)) for form in _FORMS)
    return next((Token(kind, one) for kind, one in found if one is not None), None)


def credential_in(value: str) -> str | None:
    """What known kind of token is in a text: `a GitHub token`; None: none."""
    found = token_in(value)
    return found.kind if found is not None else None


def without_tokens(told: str) -> str:
    """The text with each of them left out."""
    for form in _FORMS:
        told = told if form.find(told) is None else form.pattern.sub("…", told)
    return told
