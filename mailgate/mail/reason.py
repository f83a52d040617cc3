"""Why a mail was refused, in Sisimai's words, from what the refusing server said (RFC 3463, RFC 5321 §4.2).

The words decide first, top to bottom, because codes lie: every provider has its own idea of 5.1.1 and 5.7.1. What was
refused tells apart what words alone do not: a server that turns away MAIL FROM rejects the sender, one that knows nobody
only after DATA filters, one that says no before either blocks the host. The code decides where the words say nothing.
Suppression is asked before all this, by signatures (verdict.py).
"""

from __future__ import annotations

import re

from mailgate.mail import dialect
from mailgate.mail.refusal import TABLE
from mailgate.mail.words import any_of, listed

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s-])")
_BESIDE = re.compile(r"(?<![\d.])[45]\d\d[ -]'?([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
LIMIT = 4000

_PHRASES = any_of(
    r"""
    recipient address rejected:?|delivery temporarily suspended:?|original message follows|remote host said:?
    5\.1\.0 - unknown address error|\(delivery attempts: \d{1,4}\)
    i'm not going to try again.{0,60}too long|delivery to the following recipients? failed(?: permanently)?
    """
)
_STAGES = (
    (
        "data",
        any_of(
            r"""
            in reply to (?:the )?(?:end of )?data|after (?:sending |the )?(?:end of )?data\b|after i sent the message
            (?<!\w)end of data command
            smtp command data|after pipelined (?:end of )?data|\[data\]|(?:like|after) our (?:final dot|data)
            end of (?:message|data)
            """
        ),
    ),
    (
        "mail",
        any_of(
            r"""
            in reply to (?:the )?mail from|after (?:pipelined |sending )?mail from|sender was rejected|\[mail_?from\]
            like our mail from|smtp command mail\b|mail from command
            """
        ),
    ),
    (
        "connect",
        any_of(
            r"""
            in reply to (?:the )?(?:ehlo|helo)|after (?:initial connection|ehlo|helo)|my name was rejected
            greeting failed|while performing the (?:ehlo|helo)|refused to talk to me|like our (?:ehlo|helo)
            \[(?:connect|ehlo|helo)\]
            """
        ),
    ),
    (
        "rcpt",
        any_of(
            r"""
            in reply to (?:the )?rcpt to|after (?:pipelined |sending )?rcpt to|does not like recipient|like our rcpt to|\brcpt <
            \[rcpt_?to\]|smtp command rcpt|rcpt to command|rcpt-to validation
            """
        ),
    ),
)
_OF_SENDER = listed("userunknown hostunknown filtered onhold policyviolation notaccept rejected")
_OF_HOST = listed("userunknown mailboxfull rejected securityerror policyviolation notaccept")
_SPOKEN = re.compile(r"\s{0,8}>>> ?([A-Za-z]{4}|\.)")
_REFUSED = re.compile(r"\s{0,8}<<< ?[45]\d\d")
_COMMANDS = {"ehlo": "connect", "helo": "connect", "mail": "mail", "rcpt": "rcpt", "data": "data", ".": "data"}
_DENIED = re.compile(r"access (?:is )?denied", re.IGNORECASE)
_FORBIDDEN = any_of("not (?:allowed|permitted|authorized)|prohibited|banned|denied by|violat|forbidden|against our")
_SURE = {"1.6": "hasmoved", "2.3": "exceedlimit"}
_SYNTAX = re.compile(r"(?<![\d.])50[0-4](?=[\s-])")

_CODES = {
    "1.0": "userunknown", "1.1": "userunknown", "1.2": "hostunknown", "1.3": "userunknown", "1.4": "userunknown",
    "1.6": "hasmoved", "1.7": "rejected", "1.8": "rejected", "1.9": "systemerror", "1.10": "notaccept", "2.0": "filtered",
    "2.1": "suspend", "2.2": "mailboxfull", "2.3": "exceedlimit", "2.4": "filtered", "3.1": "systemfull", "3.2": "notaccept",
    "3.3": "systemerror", "3.4": "mesgtoobig", "3.5": "systemerror", "4.1": "expired", "4.2": "networkerror",
    "4.3": "systemerror", "4.4": "hostunknown", "4.5": "expired", "4.6": "networkerror", "4.7": "expired",
    "5.3": "toomanyconn", "5.4": "syntaxerror", "5.2": "syntaxerror", "6": "contenterror", "7.8": "securityerror",
    "7.13": "suspend", "7.16": "mesgtoobig", "7.17": "hasmoved", "7.18": "hasmoved", "7.20": "authfailure", "7.21": "authfailure",
    "7.22": "authfailure", "7.23": "authfailure", "7.24": "authfailure", "7.25": "requireptr", "7.26": "authfailure",
    "7.27": "notaccept", "7.28": "spamdetected", "7.29": "authfailure", "7": "securityerror",
}  # fmt: skip


def stage(text: str) -> str:
    """Which SMTP command was refused, as far as `text` says: connect, mail, rcpt, data, or empty (RFC 5321 §4.1.1)."""
    command = ""
    for line in text[:LIMIT].split("\n") if ">>>" in text else ():
        spoken = _SPOKEN.match(line)
        command = _COMMANDS.get(spoken[1][:4].lower(), "") if spoken else command
        if command and _REFUSED.match(line):
            return command
    return next((name for name, pattern in _STAGES if pattern.search(text[:LIMIT])), "")


def status(*texts: str | None) -> str | None:
    """The enhanced status code (RFC 3463 §2) that stands beside a reply code (RFC 2034 §4), else the first that says more
    than x.0.0, else the first at all."""
    beside = next(filter(None, (_beside(text) for text in texts if text)), None)
    if beside is not None:
        return beside
    codes = [code for text in texts if text for code in ENHANCED.findall(text[:LIMIT])]
    first = codes[0] if codes else None
    telling = (code for code in codes if not code.endswith(".0.0") and first is not None and code[0] == first[0])
    return next(telling, first)


def reported(field: str | None, said: str) -> str | None:
    """The status of a report's recipient: the code beside the reply code in its diagnostic, else its Status field
    (RFC 3464 §2.3.4), else any code in the diagnostic."""
    return _beside(said) or next(iter(ENHANCED.findall(field or "")), None) or status(said)


def _beside(text: str) -> str | None:
    codes = (found[1] for found in _BESIDE.finditer(text[:LIMIT]))
    return next((code for code in codes if not code.endswith(".0.0")), None)


def find(text: str, code: str | None, refused: str = "") -> tuple[str, str] | None:
    """(Sisimai's word, rule) for a refusal with these words; None where they say nothing. `refused`: see `stage`."""
    said = _PHRASES.sub(" ", " ".join(text[:LIMIT].split()))
    theirs = dialect.find(said, code)
    if theirs is not None:
        return theirs
    word = next((word for word, pattern in TABLE if pattern.search(said)), None)
    _, _, detail = (code or "").partition(".")
    if refused == "mail" and (word in _OF_SENDER or (word is None and said)):
        return "rejected", "stage:mail"
    if refused == "connect" and (word in _OF_HOST or (word is None and said)):
        return "blocked", "stage:connect"
    if detail in _SURE:
        return _SURE[detail], f"status:{code}"
    if word == "userunknown" and refused == "data" and detail != "1.1":
        return "filtered", "stage:data"
    if word == "userunknown" and refused != "rcpt" and (detail in ("2.0", "2.1") or detail.startswith("7.")):
        return "suspend" if detail == "2.1" else "filtered", f"status:{code}"
    if word is not None:
        return word, f"words:{word}"
    if _FORBIDDEN.search(said):
        return ("securityerror" if detail.startswith("7.") else "policyviolation"), "words:forbidden"
    if _DENIED.search(said):
        denied = {"rcpt": "userunknown"}.get(refused) or of_code(code) or "blocked"
        return denied, "words:access-denied"
    found = _SYNTAX.search(said[:40])
    return ("syntaxerror", f"reply:{found[0]}") if found else None


def of_code(code: str | None) -> str | None:
    """Sisimai's word for an enhanced status code, or None where it says nothing (x.0.0 and unknown ones)."""
    _, _, detail = (code or "").partition(".")
    return _CODES.get(detail) or _CODES.get(detail.partition(".")[0])
