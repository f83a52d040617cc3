"""What some providers and servers mean by codes and set phrases of their own, in Sisimai's words.

Asked before the common words (refusal.py) and codes (reason.py), because here the provider has said what he means: in his
list of error codes, or in his server's source. Plain phrases in lower case, no patterns: they are many and mostly absent.
"""

from __future__ import annotations

import re

# Microsoft's own details of enhanced codes (learn.microsoft.com, "Email non-delivery reports")
_CODES = {
    "1.90": "speeding", "1.351": "userunknown", "2.121": "speeding", "2.122": "speeding", "4.310": "norelaying",
    "4.312": "networkerror", "4.317": "failedstarttls", "7.12": "rejected", "7.51": "failedstarttls", "7.57": "securityerror",
    "7.64": "norelaying", "7.124": "rejected", "7.133": "rejected", "7.134": "rejected", "7.135": "rejected",
    "7.136": "rejected", "7.321": "failedstarttls", "7.322": "failedstarttls", "7.323": "failedstarttls",
    "7.324": "failedstarttls", "7.325": "failedstarttls", "7.508": "speeding", "7.509": "authfailure", "7.512": "rejected",
    "7.504": "suspend", "7.505": "suspend", "7.650": "badreputation", "7.652": "toomanyconn", "7.750": "rejected",
}  # fmt: skip
_RANGES = (
    ("rejected", 501, 503), ("blocked", 506, 507), ("blocked", 510, 513), ("blocked", 500, 699), ("speeding", 700, 749),
    ("blocked", 850, 899), ("policyviolation", 900, 999),
)  # fmt: skip
_PHRASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Exchange: names of its rules, and hexadecimal codes of its old connector
    ("userunknown", ("resolver.adr.recipnotfound", "resolver.adr.recipientnotfound", "resolver.adr.exrecipnotfound")),
    ("userunknown", ("000c05a6", "recipient not found by smtp address lookup")),
    ("toomanyconn", ("resolver.adr.reciplimit",)),
    ("systemerror", ("resolver.adr.badprimary", "resolver.adr.invalidinsmtp", "resolver.adr.ambiguous")),
    ("securityerror", ("resolver.rst.authrequired", "000b0981")),
    ("rejected", ("resolver.rst.notauthorized",)),
    ("exceedlimit", ("resolver.rst.recipsizelimit",)),
    ("expired", ("queue.expired",)),
    ("hostunknown", ("smtpsend.dns.nonexistentdomain",)),
    ("networkerror", ("smtpsend.dns.mxloopback", "00120270")),
    ("filtered", ("000c0595",)),
    ("systemerror", ("00010256", "000d06b5", "storedrv.deliver: missing or bad")),
    ("contenterror", ("00050311", "000502cc")),
    ("onhold", ("000b099c", "000b09aa", "000b09b6")),
    # Exim, qmail, OpenSMTPD, DragonFly, Courier, Domino: what their sources say
    ("hostunknown", ("all host address lookups failed permanently", "all relevant mx records point to non-existent hosts")),
    ("notaccept", ("an mx or srv record indicated no smtp service", "no host found for existing smtp connection")),
    ("syntaxerror", ("angle-brackets nested too deep", "domain missing in source-routed", "malformed address:")),
    ("systemerror", ("delivery to file forbidden", "delivery to pipe forbidden", "lmtp error after ")),
    ("contenterror", ('too many "received" headers',)),
    ("hostunknown", ("the account or domain may not exist",)),
    ("networkerror", ("host name lookup failure",)),
    ("hostunknown", ("couldn't find any host named", "dns lookup failure: host ")),
    ("networkerror", ("wasn't able to establish an smtp connection", "listed as a best-preference mx or a for that host")),
    ("notaccept", ("couldn't find a mail exchanger or ip address", "destination seem to reject all mails", "no mx found for d")),
    ("exceedlimit", ("exeeded the maximum size the user accepts",)),
    ("suspend", ("is administrativly disabled", "is administrativley disabled", "is administratively disabled")),
    ("systemerror", ("ldap attribute", "ldap server", "ldap lookup", "executing qmail-forward", "homedir creat")),
    (
        "networkerror",
        (
            "address family mismatch on destination", "all routes to destination blocked", "bad dns lookup error code",
            "could not retrieve source address", "network error on destination mx", "no valid route to ",
            "temporary failure in mx lookup",
        ),
    ),
    ("securityerror", ("could not retrieve credentials",)),
    ("expired", ("could not deliver for the last ",)),
    ("systemerror", ("this domain's dns violates rfc 1035", "several matches found in domino directory")),
    ("filtered", ("cannot route mail to user",)),
    ("userunknown", ("not listed in domino directory", "not listed in public name & address book", "directorio de domino")),
    ("userunknown", ("pertorié dans l'annuaire domino", "domino ディレクトリには見つかりません")),
    # Google, Yahoo, Apple, Tencent, Mimecast, Symantec: their lists of errors
    ("notcompliantrfc", ("rfcmessagenoncompliant", "missing a valid address in from", "headers are not rfc compliant")),
    ("speeding", ("rate that prevents additional messages", "is receiving mail too quickly", "has been rate limited")),
    ("speeding", ("sending quota exceeded", "sending limit exceeded", "smtp relay limit exceeded", "due to excessive volume")),
    ("blocked", ("unusual rate of unsolicited mail", "ip not in whitelist for rcpt domain")),
    ("requireptr", ("does not meet ipv6 sending guidelines",)),
    ("userunknown", ("dd this user doesn't have a ", "unknown or illegal alias", "inactive email address")),
    ("rejected", ("will be permanently deferred", "due to unresolvable rfc.5321 domain", "mail is rejected by recipients")),
    ("toomanyconn", ("max message per connection reached", "frequency limited", "exceeding outbound thread limit")),
    ("hasmoved", ("recipient no longer on server",)),
    ("blocked", ("suspected bounce attacks", "suspected spam ip", "ip temporarily blacklisted", "local ct ip reputation")),
    ("spamdetected", ("mail content denied", "spam is embedded in the email")),
    ("suspend", ("is a deactivated mailbox",)),
    ("rejected", ("envelope blocked - ", "blocked senders - ", "envelope rejected - block policy", "administrative prohibition")),
    ("policyviolation", ("anti-spoofing policy", "due to content examination policy")),
    ("failedstarttls", ("this route requires ", "tls required for rcpt domain", "tls required but not", "mta-sts validation")),
    ("securityerror", ("turn on smtp authentication in your mail client", "submitter failed to ")),
    ("toomanyconn", ("throttling failure: ", "we have already made numerous attempts to deliver")),
    # KDDI, EZweb
    ("filtered", ("550 : user unknown",)),
    ("mailboxfull", ("as their mailbox is full",)),
    ("norelaying", ("due to the following smtp relay error",)),
    ("hostunknown", ("as the remote domain doesnt exist",)),
    ("suspend", ("user(s) account is disabled", "user(s) account is temporarily limited")),
)  # fmt: skip
_LABELS: tuple[tuple[str, str], ...] = (
    # Cox
    ("blocked", r"AUP#(?:CXBL|CDRBL|IPBL\d+)"),
    ("requireptr", r"AUP#CXDNS"),
    ("authfailure", r"AUP#CXSNDR"),
    ("rejected", r"AUP#CXSMTP"),
    ("toomanyconn", r"AUP#(?:CXCNCT|CXMXRT)"),
    ("securityerror", r"AUP#(?:CXTHRT|CXMJ)"),
    ("spamdetected", r"AUP#URLBL\d+"),
    # Charter
    ("blocked", r"AUP#\w{0,5}-?(?:1000|12[0-5]0)"),
    ("rejected", r"AUP#\w{0,5}-?(?:10[1-8]0|15[02]0)"),
    ("requireptr", r"AUP#\w{0,5}-?11[0-5]0"),
    ("policyviolation", r"AUP#\w{0,5}-?(?:11[6-9]0|1560)"),
    ("toomanyconn", r"AUP#\w{0,5}-?13[0-4]0"),
    ("speeding", r"AUP#\w{0,5}-?(?:13[5-9]0|14\d0|15[458]0)"),
    ("mesgtoobig", r"AUP#\w{0,5}-?1530"),
    ("systemerror", r"AUP#\w{0,5}-?1090"),
    ("networkerror", r"AUP#\w{0,5}-?1260"),
    # GoDaddy
    ("blocked", r"\bIB1(?:04|05|06|10|11|12|13)\b"),
    ("speeding", r"\bIB(?:101|504|510|607)\b"),
    ("toomanyconn", r"\bIB(?:605|007)\b"),
    ("securityerror", r"\bIB401\b"),
    ("notcompliantrfc", r"\bIB50[12]\b"),
    ("rejected", r"\bIB506\b"),
    ("authfailure", r"\bIB508\b"),
    ("requireptr", r"\bIB108\b"),
    ("spamdetected", r"\bIB212\b"),
    ("virusdetected", r"\bIB705\b"),
    ("badreputation", r"\bIB103\b"),
    # Facebook
    ("userunknown", r"\b(?:RCP-P1|INT-P[134])\b"),
    ("filtered", r"\bRCP-P[23]\b"),
    ("suspend", r"\bRCP-T4\b"),
    ("systemerror", r"\bRCP-T1\b"),
    ("authfailure", r"\bPOL-P7\b"),
    ("spamdetected", r"\bPOL-P6\b"),
    ("virusdetected", r"\bPOL-P5\b"),
    ("blocked", r"\bPOL-[PT][1-4]\b"),
    ("contenterror", r"\bMSG-P2\b"),
    ("notcompliantrfc", r"\bMSG-P3\b"),
    ("mesgtoobig", r"\b(?:MSG-P1|INT-P2)\b"),
    ("rejected", r"\bDNS-(?:P[12]|T1)\b"),
    ("requireptr", r"\bDNS-(?:P3|T2)\b"),
    ("toomanyconn", r"\b(?:CON-T[1-4]|MSG-T1)\b"),
    # Orange, La Poste, SFR
    ("blocked", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_](?:10[123]|510|999)\b"),
    ("toomanyconn", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]104\b"),
    ("securityerror", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_](?:305|402)\b"),
    ("authfailure", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_](?:401|517)\b"),
    ("rejected", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_](?:40[35]|415|421)\b"),
    ("userunknown", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]416\b"),
    ("mailboxfull", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]417\b"),
    ("suspend", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]42[06]\b"),
    ("systemerror", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]505\b"),
    ("spamdetected", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]506\b"),
    ("mesgtoobig", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]514\b"),
    ("policyviolation", r"\b(?:LPN|OFR|OUK)\w{0,4}[-_]630\b"),
    # i.ua
    ("norelaying", r"\.i\.ua/err/[16]\b"),
    ("userunknown", r"\.i\.ua/err/2\b"),
    ("suspend", r"\.i\.ua/err/3\b"),
    ("mailboxfull", r"\.i\.ua/err/4\b"),
    ("toomanyconn", r"\.i\.ua/err/5\b"),
    ("blocked", r"\.i\.ua/err/[79]\b"),
    ("rejected", r"\.i\.ua/err/8\b"),
    ("filtered", r"\.i\.ua/err/10\b"),
    # Symantec's reply to whom it does not know, and the states of Gmail's own client
    ("userunknown", r"\b542 \S{1,320} Rejected"),
)
_LABEL = tuple((reason, re.compile(pattern)) for reason, pattern in _LABELS)
_LABELLED = re.compile(r"AUP#|\bIB\d{3}\b|[A-Z]{3}-[PT]\d|\b(?:LPN|OFR|OUK)\w{0,4}[-_]\d|\.i\.ua/err/|\b542 ")
_STATE = re.compile(r"\(state (1[34578])\)")
_STATES = {"13": "blocked", "14": "userunknown", "15": "filtered", "17": "filtered", "18": "filtered"}


def find(said: str, code: str | None) -> tuple[str, str] | None:
    """(Sisimai's word, rule) where `said`, in one line, or `code` is somebody's own; None where nothing of it is."""
    low = said.lower()
    for reason, phrases in _PHRASES:
        if any(phrase in low for phrase in phrases):
            return reason, "dialect:phrase"
    by_code = _by_code((code or "").partition(".")[2])
    if by_code is not None:
        return by_code, f"status:{code}"
    if _LABELLED.search(said):
        found = next(((reason, one[0]) for reason, pattern in _LABEL if (one := pattern.search(said))), None)
        if found is not None:
            return found[0], f"dialect:{found[1][:20]}"
    state = _STATE.search(said)
    if state is not None and (code is None or ".0" in code):
        return _STATES[state[1]], f"dialect:state {state[1]}"
    return None


def _by_code(detail: str) -> str | None:
    subject, _, number = detail.partition(".")
    if detail in _CODES or subject != "7" or not number.isdigit():
        return _CODES.get(detail)
    return next((reason for reason, low, high in _RANGES if low <= int(number) <= high), None)
