"""The time that the requests for one repo may take together, as a story of events."""

from __future__ import annotations

import math

from resolver.hub.budget import RequestBudget


def test_attempts_and_waits_have_a_budget_each() -> None:
    budget = RequestBudget(attempts_s=90, waits_s=600)
    assert budget.get_attempts_left_s(1_000) == math.inf, "nothing is sent yet"
    budget.start(1_000, queued_since_s=0)
    assert budget.get_attempts_left_s(1_030) == 60
    budget.begin_wait(1_030)
    assert (budget.get_attempts_left_s(1_330), budget.get_wait_left_s(1_330)) == (60, 300)
    budget.end_wait(1_330)
    assert (budget.get_attempts_left_s(1_350), budget.get_wait_left_s(1_350)) == (40, 300)


def test_two_requests_that_wait_at_the_same_time_wait_once() -> None:
    budget = RequestBudget(attempts_s=90, waits_s=600)
    budget.start(0, queued_since_s=0)
    budget.begin_wait(10)
    budget.begin_wait(20)
    budget.end_wait(110)
    budget.end_wait(120)
    assert (budget.get_attempts_left_s(120), budget.get_wait_left_s(120)) == (80, 490)


def test_queueing_for_a_place_costs_nothing() -> None:
    budget = RequestBudget(attempts_s=90, waits_s=600)
    budget.start(500, queued_since_s=0)
    budget.start(800, queued_since_s=510)
    assert (budget.get_attempts_left_s(800), budget.get_wait_left_s(800)) == (80, 600)
