"""Why a mail was refused, in Sisimai's words, from what the refusing server said (RFC 3463, RFC 5321 §4.2).

The words decide first, top to bottom, because codes lie: every provider has its own idea of 5.1.1 and 5.7.1. The code
decides where the words say nothing. That a relay holds the address on its own suppression list is asked before all.
"""

from __future__ import annotations

import re

from mailgate.mail.words import any_of

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s-])")
LIMIT = 4000

_SUPPRESSED = re.compile(
    r"""suppression\ list|suppress-(?:bounce|unsubscribe|complaint)|recipient[_ ]suppressed|recipient.{0,60}\bsuppressed
    |has\ suppressed\ sending|suppressed\ (?:recipient|address|due\ to)|address.{0,80}\b(?:is|was|been)\ suppressed
    |not\ delivering\ to\ (?:a\ |an\ )?(?:previously|unsubscribed|user\ who)|marked\ as\ inactive|drop[- ]list
    |blacklist\ user|reject(?:ion)?\ denylist|sperrliste|unterdr(?:ü|ue)ckungsliste|lista\ de\ supres|liste\ de\ suppression
    |elenco\ (?:di\ )?soppress|lista\ di\ soppressione|onderdrukkingslijst|サプレッション|配信停止リスト|送信抑止リスト""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_OURS = re.compile(r"body suppressed|auto-response-suppress", re.IGNORECASE)

_WHO = "(?:user|recipient|receipient|mailbox|account|address|addressee|alias|person|member|id)s?"
_WORDS: tuple[tuple[str, str], ...] = (
    (
        "notcompliantrfc",
        r"""
        not (?:rfc|compliant)|rfc ?\d{3,4}.{0,30}complian|multiple .{0,30}(?:from|in from)|duplicate header
        """,
    ),
    ("policyviolation", r"potential security|security polic|executable|attachment .{0,30}(?:not allowed|prohibited)"),
    ("virusdetected", r"virus|malware|infected|trojan|clamav"),
    (
        "authfailure",
        r"""
        \bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|not authenticated.{0,40}domain|unauthenticated email
        """,
    ),
    (
        "requireptr",
        r"""
        \bptr\b|reverse dns|rdns|reverse lookup|cannot find your (?:reverse )?host|no dns record for
        """,
    ),
    (
        "mailboxfull",
        r"""
        mailbox.{0,20}\bfull|\bquota|over ?quota|insufficient.{0,20}(?:storage|space|disk)|mailbox size|full mailbox
        exceed.{0,30}storage|storage.{0,20}exceed|out of (?:disk )?space|too much mail data|not enough (?:disk )?space
        disk full
        """,
    ),
    (
        "mesgtoobig",
        r"""
        too (?:large|big)|size limit|exceeds? .{0,30}\bsize|message size|maximum (?:message )?size|larger than
        """,
    ),
    ("badreputation", r"reputation|bad score|poor score"),
    (
        "spamdetected",
        r"""
        \bspam|unsolicited|junk mail|\bube\b|\bbulk mail|spamassassin|looks like (?:junk|spam)|high spam|advertis
        """,
    ),
    ("toomanyconn", r"too many (?:\w+ )?(?:connections?|sessions|concurrent)|connection limit|connection rate"),
    ("speeding", r"too (?:fast|quickly)|rate limit|throttl|sending (?:too|rate)|message rate"),
    ("exceedlimit", r"too many recipients|recipients? limit|message limit|exceeded .{0,30}\blimit"),
    (
        "norelaying",
        r"""
        relay(?:ing)? (?:not|denied|access|is not)|unable to relay|not permitted to relay|we do not relay|relaying
        rcpthosts|not (?:a )?local (?:host|domain)|insecure mail relay|not a gateway|no relay
        """,
    ),
    (
        "blocked",
        r"""
        \brbl\b|dnsbl|blackhole|block(?:ed|ing)? .{0,40}\b(?:ip|host|list|network|address)\b
        \b(?:ip|host|client|server)\b.{0,50}\b(?:blocked|blacklisted|banned|rejected)|blacklist|blocklist|block list
        \bhost access denied|access denied|refused to talk|invalid ip|spamhaus|spamcop|barracuda
        access denied.{0,20}ip|connections? (?:refused|not accepted|dropped)|not accepting (?:mail|connections) from
        bad (?:helo|ehlo)|helo command
        """,
    ),
    (
        "suspend",
        r"""
        suspended|disabled|inactive|deactivated|account.{0,30}(?:locked|frozen|expired|not active)|has been closed
        not active|mailbox unavailable or access denied|is frozen
        """,
    ),
    ("hasmoved", r"has moved|address changed|no longer at|moved to|new address is|replaced by"),
    (
        "rejected",
        r"""
        sender (?:address )?(?:\S+ )?(?:rejected|denied|verif|not|unknown)|mail from .{0,60}(?:reject|not|denied)
        bad sender|domain of sender|sender domain|invalid sender|from address|access denied.{0,30}sender
        your email address|invalid domain in mail
        """,
    ),
    (
        "hostunknown",
        r"""
        host (?:or domain name )?(?:unknown|not found)|unknown (?:host|domain)
        domain (?:name )?(?:not found|does(?: not|n't) exist|unknown|invalid)|no such (?:host|domain)
        name or service not known|nxdomain|unrout(?:e)?able (?:mail )?(?:domain|address)|unresolvable|no mx
        bad destination|illegal host|domain must resolve|recipient address must contain a domain|null mx
        """,
    ),
    (
        "filtered",
        r"""
        user reject|message filtered|recipient.{0,30}(?:refused|not accepting|does not want)|not interested
        rule(?:s)? rejected|because the recipient|bounced address|only accepts? mail from|restricted .{0,30}sender
        """,
    ),
    (
        "userunknown",
        r"""
        {WHO}\b.{0,60}\b(?:unknown|invalid|unavailable|undeliverable|not a valid|doesn't have)
        {WHO}\b.{0,60}\b(?:not|n't)(?: be)? (?:found|exist|known|valid|listed|available|have)
        (?:unknown|invalid|no such|bad|illegal|non-?existent|no mail ?box|not our|no) .{0,30}\b{WHO}
        not (?:a )?(?:known|valid|listed|found).{0,40}(?:user|recipient|mailbox|account|directory|name)
        no (?:longer )?(?:such|valid) (?:user|recipient|person)|there is no one
        delivery to the following recipients? failed|unknown to|user unknown|is not local|no mailbox here
        not listed in|recipnotfound|address rejected|no such \w+|5\.1\.1|is unknown|does not like recipient
        """,
    ),
    (
        "policyviolation",
        r"""
        policy|not (?:allowed|permitted|authorized)|prohibited|banned|denied by|violat|forbidden|against our
        """,
    ),
    (
        "networkerror",
        r"""
        connection (?:lost|reset|closed|dropped|failed|was)|network is|no route|unreachable|loop|too many hops
        hop count|hop count|could not connect|couldn't connect|dns|name server|lost connection
        establish .{0,20}connection|mx (?:points|records)|protocol error
        """,
    ),
    (
        "expired",
        r"""
        delivery (?:time|expired)|retry time(?:out)?|could not be delivered for|too long|timed? ?out|expired
        retries exhausted|been in the queue|delivery attempts|giving up|delayed|retry timeout exceeded
        """,
    ),
    (
        "notaccept",
        r"""
        does not accept mail|smtp service|not accept(?:ing)? (?:any )?(?:mail|messages)|no smtp|host .{0,40}does not
        """,
    ),
    ("contenterror", r"content|mime|attachment|header|8.?bit|line too long|nul characters"),
    ("syntaxerror", r"syntax|bad sequence|command not|unrecognized command|unimplemented"),
    ("systemfull", r"system (?:is )?full|mail system full"),
    (
        "systemerror",
        r"""
        local error|system (?:config|error|problem)|internal (?:error|software)|i/o error|can't create|cannot open
        temporary|server error|aliasing|service unavailable
        """,
    ),
    (
        "mailererror",
        r"""
        command (?:failed|died|output)|pipe|procmail|exit status|x-unix|mailer|child|returned process
        """,
    ),
    ("securityerror", r"authenticat|security|encrypt|starttls|tls|login|password|permission denied"),
)
_TABLE = tuple((reason, any_of(words.replace("{WHO}", _WHO))) for reason, words in _WORDS)

_PHRASES = any_of(
    """
    recipient address rejected:?|delivery temporarily suspended:?|original message follows
    i'm not going to try again.{0,60}too long
    """
)

_CODES = {
    "1.0": "userunknown", "1.1": "userunknown", "1.2": "hostunknown", "1.3": "userunknown", "1.4": "userunknown",
    "1.6": "hasmoved", "1.7": "rejected", "1.8": "rejected", "1.9": "userunknown", "1.10": "userunknown", "2.0": "filtered",
    "2.1": "suspend", "2.2": "mailboxfull", "2.4": "filtered", "3.1": "systemfull", "3.2": "notaccept",
    "3.3": "systemerror", "3.4": "mesgtoobig", "3.5": "systemerror", "4.1": "expired", "4.2": "networkerror",
    "4.3": "systemerror", "4.4": "hostunknown", "4.5": "expired", "4.6": "networkerror", "4.7": "expired",
    "5.3": "exceedlimit", "5.4": "syntaxerror", "5.2": "syntaxerror", "6": "contenterror", "7.8": "securityerror",
    "7.23": "authfailure", "7.24": "authfailure", "7.25": "requireptr", "7.26": "authfailure", "7": "securityerror",
}  # fmt: skip


def suppression(text: str) -> str | None:
    """The words in `text` that say a relay holds the address on its suppression list, or None."""
    found = _SUPPRESSED.search(_NOT_OURS.sub(" ", text[:LIMIT]))
    return found[0] if found else None


def status(*texts: str | None) -> str | None:
    """The first enhanced status code in `texts` that says more than x.0.0, else the first at all (RFC 3463 §2)."""
    codes = [code for text in texts if text for code in ENHANCED.findall(text[:LIMIT])]
    first = codes[0] if codes else None
    telling = (code for code in codes if not code.endswith(".0.0") and first is not None and code[0] == first[0])
    return next(telling, first)


def reason(diagnostic: str | None, code: str | None) -> str | None:
    """Sisimai's word for a refusal with this text and enhanced code; None where neither says anything."""
    text = _PHRASES.sub(" ", " ".join((diagnostic or "")[:LIMIT].split()))
    if suppression(text):
        return "suppressed"
    _, _, detail = (code or "").partition(".")
    if detail == "2.3":
        return "exceedlimit"
    for word, pattern in _TABLE:
        if pattern.search(text):
            return "filtered" if word == "userunknown" and detail in ("2.0", "2.1") else word
    by_code = _CODES.get(detail) or _CODES.get(detail.partition(".")[0])
    return by_code or ("onhold" if text else None)
