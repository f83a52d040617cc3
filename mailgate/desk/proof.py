"""What the results of a trusted host prove about an author (RFC 8601 §2.7, RFC 7489 §3.1), strict on the safe side.

- DMARC passed: for the author's domain, or its parent, which is where the host found the policy; it has looked at this very
  From, and knows which domains are one organisation's
- DKIM or SPF passed: for exactly the author's domain. A parent's signature proves nothing: the customers of one provider, and
  the names under one public suffix (`github.io`, `com.br`), have a parent in common
- DMARC failed: nothing is proven, whatever else passed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mailgate.mail import address as addresses
from mailgate.mail.results import Result, Results


def proves(author: str, lines: Sequence[Results]) -> bool:
    """True if these results, all of hosts that we trust, prove that `author` or his domain sent the mail."""
    domain = addresses.domain(author)
    results = [one for line in lines for one in line.results]
    if any(one.method == "dmarc" and one.verdict == "fail" for one in results):
        return False
    by_dmarc = (passed(one) for one in results if one.method == "dmarc")
    if any(one and (domain == one or domain.endswith("." + one)) for one in by_dmarc):
        return True
    return domain in (one for _, one in passes(results))


def passes(results: Iterable[Result]) -> Iterator[tuple[str, str]]:
    """(method, domain) of each DKIM signature and each return path that passed its check."""
    for one in results:
        if one.method in ("dkim", "spf") and (domain := passed(one)):
            yield one.method, domain


def passed(result: Result) -> str:
    """The domain for which a DKIM, SPF or DMARC check passed, as `addresses.domain` writes it; empty for none."""
    named = {
        "dmarc": result.value("header.from"),
        "dkim": result.value("header.d", "header.i"),
        "spf": result.value("smtp.mailfrom", "smtp.mail"),
    }.get(result.method, "")
    domain = addresses.domain("x@" + named.rpartition("@")[2])
    return domain if result.verdict == "pass" and addresses.is_address("x@" + domain) and "." in domain else ""
