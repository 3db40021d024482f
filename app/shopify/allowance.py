"""A shop's allowance of query points, shared by all processes through Redis.

Shopify gives each app and shop a bucket of points that fills by so many a second. A call takes its points here before
it is sent, so that processes do not run into THROTTLED one after the other, and gives back what it did not need. What
Shopify says about the bucket corrects the count. Redis may be emptied or away: then each process goes by its own view.
"""

import os
import threading
import time
from dataclasses import dataclass, field

import structlog
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

log = structlog.get_logger()

#: The bucket of Shopify's standard plan, until Shopify says otherwise.
USUAL_RATE, USUAL_MAXIMUM = 100, 2_000
#: What a call is taken to cost before one like it was answered.
GUESS = 50
#: Redis is not asked again for so long after it did not answer.
REDIS_REST_SECONDS = 5.0
#: A count that nobody has touched for so long is of no use: the bucket is full.
LIVES_SECONDS = 120
SHORTEST_WAIT_SECONDS = 0.05

# Takes points if they are there, or gives some back; either way the count is brought up to the present first.
# ARGV: points to take (negative: to give back), points to leave for others, what Shopify says there are (or -1),
# rate, maximum, and this process's own view of the points for when nothing is counted here.
_COUNT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local cost, leave, told = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local rate, maximum = tonumber(ARGV[4]), tonumber(ARGV[5])
local kept = redis.call('HMGET', KEYS[1], 'points', 'at')
local points = tonumber(kept[1] or ARGV[6])
points = math.min(maximum, points + math.max(0, now - tonumber(kept[2] or now)) * rate)
if cost > 0 and points < math.min(cost + leave, maximum) then
    return {tostring((math.min(cost + leave, maximum) - points) / rate), tostring(points)}
end
points = math.min(maximum, points - cost)
if told >= 0 then points = math.min(points, told) end
redis.call('HSET', KEYS[1], 'points', tostring(points), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], ARGV[7])
return {'0', tostring(points)}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost in query points, and what is left of the shop's allowance."""

    requested: int
    actual: int | None
    available: int
    restore_rate: int
    #: How much the shop's allowance holds at most.
    maximum: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Points taken for a call; or none yet, and how long to wait before asking again."""

    points: int
    wait_seconds: float = 0.0


@dataclass(slots=True)
class _View:
    """What one process knows of a shop's bucket; its threads share it."""

    points: float = USUAL_MAXIMUM
    at: float = field(default_factory=time.monotonic)
    rate: int = USUAL_RATE
    maximum: int = USUAL_MAXIMUM
    #: What calls cost, by the name of their document.
    costs: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, cost: int, leave: int, told: int) -> float:
        """Do what the script does in Redis; return how long to wait."""
        self.fill()
        needed = min(cost + leave, self.maximum)
        if cost > 0 and self.points < needed:
            return (needed - self.points) / self.rate
        self.points = min(self.maximum, self.points - cost)
        if told >= 0:
            self.points = min(self.points, told)
        return 0.0

    def fill(self) -> None:
        """Bring the points up to the present."""
        now = time.monotonic()
        self.points = min(self.maximum, self.points + (now - self.at) * self.rate)
        self.at = now


_views: dict[tuple[int, str], _View] = {}
_views_lock = threading.Lock()
#: Per connection: until when Redis is left alone. One entry for each app of a process.
_away_until: dict[int, float] = {}


class Allowance:
    """The points of one shop. Whoever is not in a hurry leaves others a share of the bucket."""

    def __init__(self, redis: Redis, shop_domain: str, *, leave_share: float = 0.0) -> None:
        self._redis = redis
        self._key = f"boomerang:points:{shop_domain}"
        self._leave_share = leave_share
        with _views_lock:
            self._view = _views.setdefault((os.getpid(), shop_domain), _View())

    def reserve(self, name: str) -> Reservation:
        """Take the points for a call of a kind, or say how long to wait for them."""
        with self._view.lock:
            cost = min(self._view.costs.get(name, GUESS), self._view.maximum)
            wait = self._count(cost, leave=int(self._view.maximum * self._leave_share))
        return Reservation(0, max(wait, SHORTEST_WAIT_SECONDS)) if wait > 0 else Reservation(cost)

    def learn(self, name: str, cost: Cost, reservation: Reservation) -> None:
        """Give back what a call did not need, and take Shopify's word for what is left."""
        with self._view.lock:
            self._view.costs[name] = cost.requested
            grown = 0
            if cost.restore_rate > 0 and cost.maximum > 0:
                # A bucket that turns out to be larger holds more than was counted; what Shopify tells bounds it.
                grown = max(0, cost.maximum - self._view.maximum)
                self._view.rate, self._view.maximum = cost.restore_rate, cost.maximum
            # Without an actual cost nothing was executed.
            self._count((cost.actual or 0) - reservation.points - grown, told=cost.available)

    def _count(self, cost: int, *, leave: int = 0, told: int = -1) -> float:
        """Count in Redis, or alone; return how long to wait for the points."""
        view = self._view
        view.fill()
        if time.monotonic() >= _away_until.get(id(self._redis), 0.0):
            arguments = (cost, leave, told, view.rate, view.maximum, view.points, LIVES_SECONDS)
            try:
                wait, points = _script(self._redis)(keys=[self._key], args=list(arguments))
            except RedisError as error:
                _away_until[id(self._redis)] = time.monotonic() + REDIS_REST_SECONDS
                log.warning("allowance_counted_alone", error=str(error))
            else:
                view.points = float(points)
                return float(wait)
        return view.count(cost, leave, told)


def _script(redis: Redis) -> Script:
    script: Script = redis.register_script(_COUNT)
    return script
