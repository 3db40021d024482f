"""A shop's allowance of query points: shared by processes, corrected by Shopify, and never lost with Redis."""

import multiprocessing
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from app.shopify import allowance
from app.shopify.allowance import GUESS, USUAL_MAXIMUM, USUAL_RATE, Allowance, Cost, Reservation
from app.shopify.connect import open_gateway
from app.shopify.documents import SHOP
from app.shopify.errors import Throttled
from app.shopify.gateway import Gateway
from sandbox.bucket import Bucket
from sandbox.server import Sandbox
from tests.shopify.desk import Desk

SHOP_DOMAIN = "points.myshopify.com"


@pytest.fixture(autouse=True)
def fresh(redis_client: Any) -> Iterator[None]:
    """Let no test know what another one saw."""
    allowance._views.clear()
    allowance._away_until.clear()
    yield
    allowance._views.clear()
    allowance._away_until.clear()


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def make_slow(count: Allowance) -> None:
    """Let points come back by one a second, so that none does while a test looks; there are 1,000 then."""
    count.learn("any", told(available=1000), count.reserve("any"))


def take_all(count: Allowance, name: str = "any") -> tuple[int, float]:
    """Take points until there are none; return how often that went, and how long to wait then."""
    taken = 0
    while not (wait := count.reserve(name).wait_seconds):
        taken += 1
    return taken, wait


def most_since(begun: float) -> float:
    """Return how many points there can have been since a moment."""
    return USUAL_MAXIMUM + (time.monotonic() - begun) * USUAL_RATE


def told(
    available: int, requested: int = GUESS, actual: int | None = GUESS, rate: int = 1, maximum: int = 1000
) -> Cost:
    return Cost(requested, actual, available, rate, maximum)


def test_points_are_there_until_they_are_used_up_and_then_the_wait_is_told(redis: Redis) -> None:
    count, begun = Allowance(redis, SHOP_DOMAIN), time.monotonic()
    taken, wait = take_all(count)
    assert USUAL_MAXIMUM <= taken * GUESS <= most_since(begun)
    assert 0 < wait <= GUESS / USUAL_RATE


def test_points_come_back_with_time(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    _, wait = take_all(count)
    deadline = time.monotonic() + 60
    while count.reserve("any").wait_seconds:
        assert time.monotonic() < deadline
        time.sleep(wait / 4)


def test_what_a_call_did_not_need_is_given_back(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    reserved = count.reserve("any")
    count.learn("any", told(available=1000), reserved)  # it costs 50, and so much there is of 1000 at 1 a second
    for _ in range(40):
        reserved = count.reserve("any")
        assert reserved.points == GUESS
        count.learn("any", told(available=1000, actual=0), reserved)
    assert take_all(count)[0] == pytest.approx(20, abs=1)


def test_the_cost_of_a_kind_of_call_is_learned(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    count.learn("dear", told(available=1000, requested=400), count.reserve("dear"))
    assert count.reserve("dear").points == 400
    assert count.reserve("another").points == GUESS
    assert take_all(count, "dear")[0] == 1


def test_a_call_dearer_than_the_whole_bucket_waits_for_a_full_one_and_not_for_ever(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    count.learn("any", told(available=1000, requested=5000, actual=0), Reservation(0))
    assert count.reserve("any").points == 1000
    assert count.reserve("any").wait_seconds == pytest.approx(1000, abs=5)


def test_shopifys_word_lowers_the_count_and_does_not_raise_it(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    count.learn("any", told(available=100), count.reserve("any"))
    assert take_all(count)[0] == 2
    count.learn("any", told(available=1000), Reservation(0))
    assert take_all(count)[0] == 0


def test_whoever_is_not_in_a_hurry_leaves_half_to_others(redis: Redis) -> None:
    patient, urgent = Allowance(redis, SHOP_DOMAIN, leave_share=0.5), Allowance(redis, SHOP_DOMAIN)
    make_slow(urgent)
    assert take_all(patient)[0] == pytest.approx(1000 / GUESS / 2, abs=1)
    assert take_all(urgent)[0] == pytest.approx(1000 / GUESS / 2, abs=1)


def test_each_shop_has_its_own(redis: Redis) -> None:
    take_all(Allowance(redis, SHOP_DOMAIN))
    assert not Allowance(redis, "another.myshopify.com").reserve("any").wait_seconds


def test_an_emptied_redis_does_not_fill_the_bucket(redis: Redis) -> None:
    count = Allowance(redis, SHOP_DOMAIN)
    make_slow(count)
    take_all(count)
    redis.flushdb()
    assert count.reserve("any").wait_seconds > 0


def test_without_redis_each_process_goes_by_its_own_view(redis: Redis) -> None:
    alone = Allowance(Redis(host="127.0.0.1", port=9, socket_connect_timeout=1), SHOP_DOMAIN)
    begun = time.monotonic()
    taken, wait = take_all(alone)
    assert USUAL_MAXIMUM <= taken * GUESS <= most_since(begun)
    assert wait > 0
    make_slow(alone)
    take_all(alone)
    alone.learn("any", told(available=500, actual=0), Reservation(GUESS))
    assert take_all(alone)[0] == 1


def spend(redis_url: str, seconds: float, results: Any) -> None:
    """Take points as fast as they come for some time; return how many that were."""
    count = Allowance(Redis.from_url(redis_url), SHOP_DOMAIN)
    ends_at, points = time.monotonic() + seconds, 0
    while time.monotonic() < ends_at:
        reserved = count.reserve("any")
        points += reserved.points
        if reserved.wait_seconds:
            time.sleep(0.01)
    results.put(points)


def test_two_processes_together_take_no_more_than_the_shop_has(redis_url: str, redis: Redis) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=spend, args=(redis_url, 2.0, results)) for _ in range(2)]
    begins = time.monotonic()
    for worker in workers:
        worker.start()
    points = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert min(points) > 0
    assert USUAL_MAXIMUM * 0.9 < sum(points) <= most_since(begins)


def test_the_gateway_waits_for_points_instead_of_being_throttled(desk: Desk, box: Sandbox, redis: Redis) -> None:
    shop = desk.sandbox_shop
    shop.bucket = Bucket(100)
    door = Gateway(*_door(desk, box), allowance=Allowance(redis, shop.domain))
    door.execute(SHOP)
    assert door.last_cost is not None
    assert door.last_cost.maximum == 2000
    count = Allowance(redis, shop.domain)
    take_all(count)
    began = time.monotonic()
    count.learn(SHOP.name, told(available=0, requested=300, rate=1000, maximum=2000), Reservation(0))
    door.execute(SHOP, max_wait_seconds=5)
    # At 1,000 points a second they take 0.3 s to come back.
    assert time.monotonic() - began >= 0.1


def test_a_call_for_which_points_come_too_late_is_not_made(desk: Desk, box: Sandbox, redis: Redis) -> None:
    count = Allowance(redis, desk.sandbox_shop.domain)
    take_all(count)
    count.learn(SHOP.name, told(available=0, requested=1000), Reservation(0))
    before = desk.sandbox_shop.bucket.status()
    with pytest.raises(Throttled):
        Gateway(*_door(desk, box), allowance=count).execute(SHOP, max_wait_seconds=0.5)
    assert desk.sandbox_shop.bucket.status() == before


def _door(desk: Desk, box: Sandbox) -> tuple[str, str, str, float]:
    return box.url, "2026-10", open_gateway(desk.shop_id)[1], 30.0
