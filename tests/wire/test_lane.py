"""How much mail may be on its way to one next hop, and when it rests."""

from __future__ import annotations

from mailgate.wire.lane import LONGEST, SHORTEST, Lane, Pace


def sets_out(lane: Lane, now: float) -> int:
    """How many mails leave now, each of them still on its way afterwards."""
    count = 0
    while lane.room(now):
        lane.begin(len(lane.in_hand) + 1, now)
        count += 1
    return count


def test_no_more_are_on_their_way_than_may_be():
    lane = Lane(Pace(at_once=3), 0)
    assert sets_out(lane, 0) == 3
    lane.end(2)
    assert lane.room(0) == 1


def test_pace_lets_so_many_leave_in_a_minute():
    """60 a minute: five seconds' worth after a quiet time, then one a second."""
    lane = Lane(Pace(at_once=1000, per_minute=60), 0)
    assert sets_out(lane, 0) == 5
    assert lane.wait(0) == 1
    assert sets_out(lane, 0.9) == 0
    assert sum(sets_out(lane, second) for second in range(1, 61)) == 60
    assert sets_out(lane, 1000) == 5


def test_slow_pace_lets_one_leave_at_a_time():
    """One a minute."""
    lane = Lane(Pace(per_minute=1), 0)
    assert [sets_out(lane, now) for now in (0, 59, 60, 61, 120)] == [1, 0, 1, 0, 1]
    assert lane.wait(120) == 60


def test_dead_next_hop_rests_longer_each_time_and_is_tried_with_one_mail():
    lane = Lane(Pace(at_once=4), 0)
    assert sets_out(lane, 0) == 4
    rests = []
    now = 0.0
    for _ in range(6):
        rests.append(lane.failed(now))
        lane.in_hand.clear()
        assert lane.room(now) == 0
        now += lane.wait(now)
        assert lane.room(now) == 1
    assert rests == [SHORTEST, 10, 20, 40, LONGEST, LONGEST]
    assert lane.reached()
    assert not lane.reached()
    assert lane.room(now) == 4


def test_mails_that_fail_together_are_one_failure():
    """Four sessions that break at the same moment say no more than one."""
    lane = Lane(Pace(at_once=4), 0)
    assert [lane.failed(0) for _ in range(4)] == [SHORTEST] * 4
    assert lane.wait(0) == SHORTEST
