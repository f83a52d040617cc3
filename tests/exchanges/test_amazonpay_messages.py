"""Amazon Pay's advice by mail: what waits is named every morning, claims go on at once, issues bring a suggestion (A-04…A-11)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person

PACK = "amazonpay"
DESK = ("tickets@desk.example", "readers@staff.example")
DONE = "Close the ticket"


def _asks(buyer: Person, subject: str = "Ordine 7", text: str = "Dov'è il pacco?") -> Mail:
    return buyer.writes(["seller@shop.example"], cc=DESK, subject=subject, text=text)


def _answers(merchant: Person, mail: Mail) -> Mail:
    return merchant.replies_to_all(mail, "È partito ieri.")


def _claim(notifier: Person, subject: str = "Chargeback", **facts: str) -> Mail:
    return notifier.states(subject, "Rispondete entro il 20 giugno.", to=DESK, **{"Seller": "shop", "Order": "7", **facts})


def test_digest_names_every_thread_that_waits(gate: Gate, buyer: Person, merchant: Person) -> None:
    """A-05, AR-01: one mail at 09:00 in the merchant's zone, the oldest first, none that is answered."""
    gate.at("2026-06-08T15:00")
    first, answered = _asks(buyer, "Ordine 7"), _asks(buyer, "Ordine 8")
    gate.later(hours=1)
    _asks(buyer, "Ordine 9")
    _answers(merchant, answered)
    gate.at("2026-06-09T09:00")
    digest = gate.sends("remind_messages", merchant, tickets=[1, 3])
    assert "Ordine 8" not in digest.said
    assert digest.said.index("Ordine 7") < digest.said.index("Ordine 9")
    assert "MG-1" in digest.said
    assert first.canary not in digest.text


def test_digest_comes_each_day_until_all_is_answered(gate: Gate, buyer: Person, merchant: Person) -> None:
    """AR-01: Mon 15:00, answered Wed 12:00 -> Tue and Wed 09:00; a message of 09:00 sharp is in it, one answered then is not."""
    gate.at("2026-06-08T15:00")
    first = _asks(buyer)
    gate.at("2026-06-09T09:00")
    second = _asks(buyer, "Ordine 8")
    gate.sends("remind_messages", merchant, tickets=[1, 2])
    gate.at("2026-06-10T09:00")
    _answers(merchant, second)
    gate.sends("remind_messages", merchant, tickets=[1])
    gate.at("2026-06-10T12:00")
    _answers(merchant, first)
    gate.later(days=4)
    gate.stays_silent()


def test_digest_keeps_to_business_days_where_the_desk_wants_it(gate: Gate, buyer: Person, merchant: Person) -> None:
    """AR-01: message_check_days = business."""
    gate.under(message_check_days="business")
    gate.at("2026-06-12T15:00")
    _asks(buyer)
    gate.at("2026-06-15T09:00")
    gate.sends("remind_messages", merchant)


def test_digest_names_unattended_claims_too(
    gate: Gate, buyer: Person, merchant: Person, claims: Person, notifier: Person
) -> None:
    """A-05: the digest also names claims and notices that nobody has dealt with; the closing link takes one out."""
    gate.at("2026-06-08T15:00")
    _asks(buyer)
    _claim(notifier, Shipping_number="Z1", Shipping_date="2026-06-01")
    routed = gate.sends("route_claim", claims)
    gate.at("2026-06-09T09:00")
    assert "MG-2" in gate.sends("remind_messages", merchant).said
    claims.follows(routed, DONE)
    gate.at("2026-06-10T09:00")
    assert "MG-2" not in gate.sends("remind_messages", merchant).said


def test_digest_names_unattended_issues_too(gate: Gate, buyer: Person, merchant: Person) -> None:
    """A-05, A-09: an issue that nobody has dealt with is named, as a problem with an order."""
    gate.at("2026-06-08T15:00")
    _asks(buyer)
    buyer.writes([merchant], cc=DESK, subject="Ordine 8", text="Issue: yes\n\nÈ rotto.")
    gate.sends("suggest_request_info", merchant)
    gate.at("2026-06-09T09:00")
    told = gate.sends("remind_messages", merchant)
    assert gate.ticket(2).kind == "issue"
    assert "Ordine 8" in told.said


def test_digests_of_two_merchants_are_two_mails(gate: Gate, buyer: Person, merchant: Person, rival: Person) -> None:
    """A-05, G-14: neither reads of the other's customers."""
    gate.at("2026-06-08T15:00")
    _asks(buyer, "Ordine 7")
    buyer.writes([rival], cc=DESK, subject="Ordine 99")
    gate.at("2026-06-09T09:00")
    his, other = (gate.sends("remind_messages", one).said for one in (merchant, rival))
    assert ("Ordine 7" in his, "Ordine 99" in his) == (True, False)
    assert ("Ordine 7" in other, "Ordine 99" in other) == (False, True)


@pytest.mark.parametrize(
    ("subject", "facts", "claim"),
    [
        ("Chargeback", {}, "chargeback"),
        ("Nuova contestazione di addebito", {}, "chargeback"),
        ("Richiesta: Garanzia dalla A alla Z", {}, "atoz_claim"),
        ("Notice", {"Claim": "atoz_claim"}, "atoz_claim"),
    ],
)
def test_claim_goes_to_its_owner_at_once(
    gate: Gate, merchant: Person, claims: Person, notifier: Person, subject: str, facts: dict[str, str], claim: str
) -> None:
    """A-04: recognised by sender and subject; the mail itself and the details go to the owner of claims."""
    mail = _claim(notifier, subject, Shipping_number="Z1", Shipping_date="2026-06-01", **facts)
    routed = gate.sends("route_claim", claims, claim=claim)
    assert mail.canary in routed.text
    assert "Z1" in routed.said
    assert DONE in routed.links


def test_claim_without_shipping_details_alerts_the_merchant(
    gate: Gate, merchant: Person, claims: Person, notifier: Person
) -> None:
    """A-08: what is missing is named."""
    _claim(notifier, Shipping_date="2026-06-01")
    gate.sends("route_claim", claims)
    told = gate.sends("alert_missing_details", merchant, missing=["shipping_number"])
    assert "shipping number" in told.said
    assert "shipping date" not in told.said


def test_dossier_holds_the_history_of_the_order(
    gate: Gate, buyer: Person, merchant: Person, claims: Person, notifier: Person
) -> None:
    """A-04: the mail carries the dossier: order details, the full history, delivery proofs."""
    asked = buyer.writes([merchant, claims], cc=DESK, subject="Ordine 7", text="Order: 7\n\nDov'è il pacco?")
    merchant.replies_to_all(asked, "Consegnato ieri, firmato da Lei.")
    _claim(notifier, Shipping_number="Z1", Shipping_date="2026-06-01")
    assert asked.canary in gate.sends("route_claim", claims).text


@pytest.mark.parametrize(
    ("facts", "below", "notice"),
    [
        ({"Amount": "24,99", "Order details": "yes"}, "25", "suggest_refund"),
        ({"Amount": "25", "Order details": "yes"}, "25", "suggest_review"),
        ({"Amount": "10", "Order details": "yes"}, "", "suggest_review"),
        ({"Amount": "30"}, "25", "suggest_request_info"),
        ({"Order details": "yes"}, "25", "suggest_request_info"),
    ],
)
def test_issue_brings_a_suggestion_to_the_merchant_alone(
    gate: Gate, buyer: Person, merchant: Person, facts: dict[str, str], below: str, notice: str
) -> None:
    """A-09…A-11, AR-03: strictly below refunds; unknown amount or no details asks; else a person; the buyer reads none of it."""
    gate.under(refund_below=below)
    lines = "".join(f"{name}: {value}\n" for name, value in {"Issue": "yes", **facts}.items())
    assert buyer.writes([merchant], cc=DESK, subject="Ordine 7", text=lines).event == "complained"
    told = gate.sends(notice, merchant)
    assert merchant.follows(told, DONE).event == "dealt_with"
    assert gate.ticket().state == "closed"


def test_suggestion_to_ask_says_for_what(gate: Gate, buyer: Person, merchant: Person) -> None:
    """A-11, AR-03: the amount, the order details, or both."""
    buyer.writes([merchant], cc=DESK, subject="Ordine 7", text="Issue: yes\n\nÈ rotto.")
    told = gate.sends("suggest_request_info", merchant).said
    assert "amount" in told
    assert "order details" in told


def test_stranger_who_says_chargeback_routes_no_claim(gate: Gate, buyer: Person, merchant: Person) -> None:
    """A-04, G-07: recognised by sender and subject; a buyer's mail with that word is a buyer's message."""
    gate.at("2026-06-08T15:00")
    assert _asks(buyer, "Chargeback").event == "buyer_wrote"
    gate.at("2026-06-09T09:00")
    gate.sends("remind_messages", merchant)
