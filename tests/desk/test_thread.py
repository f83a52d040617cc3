"""Threading, the decision alone: what each kind of evidence is worth, in whose hands, and what is a doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailgate.desk import quote
from mailgate.desk.party import Desk, Seller
from mailgate.desk.route import Roster
from mailgate.desk.thread import GUESSABLE, ORDER, PROOF, Clues, match
from mailgate.desk.ticket import Participant, Spoken, Ticket

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DESK = Desk(name="support", address="support@shop.test", agents=("@agents.test",), pack="plain")
OTHER = Desk(name="billing", address="billing@shop.test", pack="plain")
ACME = Seller(id="acme", support="help@acme.test", addresses=("anna@acme.test",))
ROSTER = Roster.of({"support": DESK, "billing": OTHER}, {"acme": ACME})
ANN, BOB, COLLEAGUE, STRANGER = "ann@client.test", "bob@gmail.com", "carl@client.test", "eve@elsewhere.test"
JOINING = [kind for kind in ORDER if kind not in ("subject", "order")]


def ticket(number: int, *people: str, desk: str = "support", subject: str = "Lost parcel", **more: object) -> Ticket:
    """A ticket with these people on it."""
    joined = tuple(Participant(one, "customer", id=10 * number + n) for n, one in enumerate(people))
    made = Ticket(number, desk, "hash", "case", "open", subject, NOON, participants=joined)
    return replace(made, **more)  # type: ignore[arg-type]


def judged(author: str | None, clues: Clues, *tickets: Ticket) -> tuple[int | None, int | None, bool]:
    """(ticket joined, ticket pointed to, people must look)."""
    found = match(author, clues, {one.number: one for one in tickets}, DESK, ROSTER)
    return (found.ticket.number if found.ticket else None, found.points_to, found.review)


@pytest.mark.parametrize("kind", JOINING)
def test_a_participant_joins_by_every_kind_but_the_subject(kind: str) -> None:
    assert judged(ANN, Clues({kind: (1,)}), ticket(1, ANN)) == (1, 1, False)


def test_an_order_number_joins_a_reply_between_the_same_two_parties() -> None:
    """Design §5: the number alone opens a linked ticket; so does a reply to somebody else."""
    ours = ticket(1, ANN, BOB)
    assert judged(ANN, Clues({"order": (1,)}, addressed=(BOB,)), ours) == (1, 1, False)
    assert judged(ANN, Clues({"order": (1,)}, addressed=("else@where.test",)), ours) == (None, 1, False)
    assert judged(ANN, Clues({"order": (1,)}, addressed=(BOB,), answers=False), ours) == (None, 1, False)


def test_a_subject_alone_is_for_people_to_look_at() -> None:
    assert judged(ANN, Clues({"subject": (1,)}), ticket(1, ANN)) == (None, 1, True)


@pytest.mark.parametrize("kind", ORDER)
def test_a_colleague_joins_by_proof_alone(kind: str) -> None:
    joined, points_to, review = judged(COLLEAGUE, Clues({kind: (1,)}), ticket(1, ANN))
    assert (joined, points_to) == (1 if kind in PROOF else None, 1)
    assert review == (kind not in PROOF and kind != "subject")


@pytest.mark.parametrize("kind", ORDER)
@pytest.mark.parametrize("author", [STRANGER, None, "ann@gmail.com"])
def test_a_stranger_never_joins(kind: str, author: str | None) -> None:
    """A house of free mail makes nobody a colleague, and a From that is nobody's is a stranger's."""
    joined, points_to, review = judged(author, Clues({kind: (1,)}), ticket(1, ANN, BOB))
    assert (joined, points_to) == (None, 1)
    assert review == (kind not in GUESSABLE)


def test_a_tag_under_the_tickets_own_subject_is_more_than_a_guess() -> None:
    clues = Clues({"subject_tag": (1,)}, key="lost parcel")
    assert judged(STRANGER, clues, ticket(1, ANN)) == (None, 1, True)
    assert judged(STRANGER, replace(clues, key="invoice"), ticket(1, ANN)) == (None, 1, False)


def test_the_sellers_and_the_desks_people_belong_to_a_ticket() -> None:
    mine = ticket(1, ANN, seller="acme")
    assert judged("anna@acme.test", Clues({"reference": (1,)}), mine)[0] == 1
    assert judged("maria@agents.test", Clues({"reference": (1,)}), mine)[0] == 1


def test_another_desks_ticket_is_only_linked() -> None:
    assert judged(ANN, Clues({"reference": (1,)}), ticket(1, ANN, desk="billing")) == (None, 1, False)
    both = (ticket(1, ANN, desk="billing"), ticket(2, ANN))
    assert judged(ANN, Clues({"reference": (1, 2)}), *both) == (2, 2, False)


def test_the_strongest_evidence_decides() -> None:
    assert judged(ANN, Clues({"token": (1,), "subject_tag": (2,)}), ticket(1, ANN), ticket(2, ANN))[0] == 1


def test_weaker_evidence_does_not_heal_a_doubt_about_stronger() -> None:
    clues = Clues({"message_id": (1,), "subject_tag": (2,)})
    assert judged(ANN, clues, ticket(1, BOB), ticket(2, ANN)) == (None, 1, True)


class TestTwoTickets:
    """A mail that names two."""

    TWO = (ticket(1, ANN), ticket(2, ANN))

    def test_is_a_doubt(self) -> None:
        assert judged(ANN, Clues({"message_id": (1, 2)}), *self.TWO) == (None, 1, True)

    def test_is_one_also_if_two_kinds_of_ids_name_them(self) -> None:
        assert judged(ANN, Clues({"message_id": (1,), "reference": (2,)}), *self.TWO) == (None, 1, True)

    def test_belongs_to_the_one_that_it_answers(self) -> None:
        assert judged(ANN, Clues({"message_id": (1,), "reference": (2,)}, answered=2), *self.TWO) == (2, 2, False)

    def test_belongs_there_only_if_both_are_his(self) -> None:
        assert judged(ANN, Clues({"message_id": (1, 2)}, answered=2), ticket(1, BOB), ticket(2, ANN)) == (None, 1, True)

    def test_belongs_to_the_newer_if_that_is_linked_to_the_other(self) -> None:
        linked = ticket(2, ANN, facts={"linked_to": 1})
        assert judged(ANN, Clues({"message_id": (2, 1)}), ticket(1, ANN), linked)[0] == 2

    def test_belongs_to_his_own_if_they_share_an_ancestor_that_nobody_saw(self) -> None:
        assert judged(ANN, Clues({"unseen_reference": (1, 2)}), ticket(1, BOB), ticket(2, ANN))[0] == 2

    @pytest.mark.parametrize("kind", ["body_token", "subject_tag", "thread_index", "quote", "broken_reference"])
    def test_stays_a_doubt_whatever_it_answers(self, kind: str) -> None:
        assert judged(ANN, Clues({kind: (1, 2)}, answered=2), *self.TWO) == (None, 1, True)


class TestSameDoubtAgain:
    """A further mail of somebody whose first one opened a linked ticket."""

    FIRST = (ticket(1, ANN), ticket(2, STRANGER, facts={"linked_to": 1}))

    @pytest.mark.parametrize(
        "clues", [Clues({"message_id": (1,), "reference": (2,)}), Clues({"message_id": (1,), "unseen_reference": (2, 1)})]
    )
    def test_goes_where_the_first_went(self, clues: Clues) -> None:
        assert judged(STRANGER, clues, *self.FIRST)[0] == 2

    def test_is_a_doubt_of_its_own_for_anybody_else(self) -> None:
        assert judged(COLLEAGUE, Clues({"reference": (1, 2)}), *self.FIRST) == (None, 1, True)

    def test_does_not_touch_the_first_ticket(self) -> None:
        assert judged(ANN, Clues({"message_id": (1,), "unseen_reference": (2, 1)}), *self.FIRST)[0] == 1

    def test_does_not_hold_where_a_third_ticket_is_named(self) -> None:
        assert judged(STRANGER, Clues({"message_id": (1, 2, 3)}), *self.FIRST, ticket(3, BOB)) == (None, 1, True)


class TestForward:
    """A forwarded mail opens a ticket of its own, linked to what it names."""

    def test_of_a_participant_is_for_people_to_look_at(self) -> None:
        assert judged(ANN, Clues({"reference": (1,)}, forward=True), ticket(1, ANN)) == (None, 1, True)

    def test_to_a_tickets_own_address_joins(self) -> None:
        assert judged(ANN, Clues({"token": (1,)}, forward=True), ticket(1, ANN))[0] == 1

    def test_by_the_desks_people_joins(self) -> None:
        assert judged("maria@agents.test", Clues({"reference": (1,)}, forward=True), ticket(1, ANN))[0] == 1

    @pytest.mark.parametrize(
        ("missing", "joined"), [(("required_copy",), 1), (("required_copy", "reply_to_all"), None), ((), None)]
    )
    def test_of_the_answer_whose_copy_was_missing_joins(self, missing: tuple[str, ...], joined: int | None) -> None:
        """DR-12."""
        said = Spoken("answer@acme.test", "help@acme.test", "seller", NOON, "violated", "", frozenset(), missing=missing)
        clues = Clues({"reference": (1,)}, named=frozenset({"answer@acme.test"}), forward=True)
        assert judged("help@acme.test", clues, ticket(1, ANN, seller="acme", spoken=(said,)))[0] == joined


def test_a_quote_without_a_reply_prefix_is_for_people_to_look_at() -> None:
    assert judged(ANN, Clues({"quote": (1,)}, answers=False), ticket(1, ANN)) == (None, 1, True)


def test_a_token_is_a_signature_in_the_hands_of_the_one_it_was_made_for() -> None:
    tickets = {1: ticket(1, ANN, BOB)}
    signed = [match(one, Clues({"token": (1,)}, token_party=10), tickets, DESK, ROSTER).signed for one in (ANN, BOB)]
    assert signed == [True, False]


class TestQuote:
    """Words that a ticket holds."""

    SAID = "Thank you for your message, we are looking at the serial number now. Please send us the log file."
    ELSE = "Your parcel has left our house in Bremen and will be with you on Monday, as we wrote before."

    def test_is_known_however_it_is_wrapped_and_written(self) -> None:
        wrapped = "THANK YOU FOR\nyour message, we\nare looking at the serial number now"
        assert quote.shingles(wrapped) <= quote.shingles(self.SAID)

    def test_survives_the_store(self) -> None:
        numbers = quote.shingles(self.SAID)
        assert quote.unpack(quote.pack(numbers)) == numbers

    def test_points_to_the_ticket_that_holds_it(self) -> None:
        held = {1: quote.shingles(self.SAID), 2: quote.shingles(self.ELSE)}
        assert quote.named(quote.shingles(self.SAID), held) == (1,)

    def test_points_to_both_where_they_are_near(self) -> None:
        held = {1: quote.shingles(self.SAID), 2: quote.shingles(self.SAID + self.ELSE)}
        assert quote.named(quote.shingles(self.SAID), held) == (2, 1)

    def test_points_nowhere_below_thirty_per_cent(self) -> None:
        held = {1: quote.shingles("we are looking at the serial number now")}
        assert quote.named(quote.shingles(self.SAID + self.ELSE + self.ELSE.upper()[::-1]), held) == ()

    def test_of_one_word_says_nothing(self) -> None:
        assert quote.named(quote.shingles("Hi"), {1: quote.shingles("Hi")}) == ()

    def test_of_a_language_without_spaces(self) -> None:
        assert quote.shingles("請將\n日誌文件") == quote.shingles("請將日誌文件")
