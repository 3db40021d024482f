"""RQ behind one enqueue(). The queue is an alarm clock: a lost job is found again by the clock's sweep."""

from time import monotonic
from typing import Any

import structlog
from flask import Flask, current_app
from redis import Redis, exceptions
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger()

INBOX = "inbox"
TRANSFERS = "transfers"
#: What the calendar brings: it waits for everything else.
CHORES = "chores"
#: A mail server may be slow: what leaves by it keeps nothing else waiting.
MAILS = "mails"
#: Every queue, in the order in which a worker looks at them.
QUEUES = (INBOX, TRANSFERS, CHORES, MAILS)

#: For how long a wish to run a job stands for further wishes, should the job itself get lost.
WISH_SECONDS = 5
#: In a queue as long as this nothing more is wished: its workers are gone or overwhelmed, the sweeps ask again anyway,
#: and a clock that runs on alone over a weekend must not fill Redis.
MOST_WAITING = 10_000
#: How long a connection to Redis and an answer may take: both together less than the five seconds that Shopify waits
#: for ours, and asking for a job is the last thing before we give it.
CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 3.0
#: Redis is not asked again for so long after it kept somebody waiting in vain.
REST_SECONDS = 5.0


def init_queue(app: Flask, redis_url: str) -> None:
    """Bind the app to a server that speaks Redis' protocol."""
    app.extensions["redis"] = Redis.from_url(
        redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=CONNECT_SECONDS
    )
    app.extensions["redis_rests_until"] = 0.0


def connection() -> Redis:
    """Return this app's connection."""
    redis: Redis = current_app.extensions["redis"]
    return redis


def blocking_connection(redis_url: str) -> Redis:
    """Return a connection without a read timeout, for a worker that waits for jobs."""
    return Redis.from_url(redis_url, socket_connect_timeout=5)


def enqueue_once(queue: str, job: str, *args: Any) -> bool:
    """Ask a worker to run ``app.jobs.<job>(*args)`` soon, unless that is asked for already.

    Returns whether the wish stands. Never raises: whoever wishes has already committed the row that says
    what is to be done, and the sweep finds it if the queue cannot be reached.
    """
    if _rests():
        return False
    wish = _wish_key(job, args)
    try:
        redis = connection()
        if not redis.set(wish, b"1", nx=True, ex=WISH_SECONDS):
            return True
        jobs = Queue(queue, connection=redis, serializer=JSONSerializer)
        if jobs.count >= MOST_WAITING:
            log.warning("queue_full", queue=queue, job=job)
            return False
        jobs.enqueue(f"app.jobs.{job}", *args, result_ttl=0, failure_ttl=86_400, job_timeout=600)
    except RedisError as error:
        _note(error, job)
        return False
    return True


def wish_granted(job: str, *args: Any) -> None:
    """Say at a job's start that it runs now, so that whatever is wished from here on is a new run."""
    if _rests():
        return
    try:
        connection().delete(_wish_key(job, args))
    except RedisError as error:
        _note(error, job)


def _rests() -> bool:
    """Say whether Redis has just kept somebody waiting: not everybody is to wait for the same silence."""
    until: float = current_app.extensions["redis_rests_until"]
    return monotonic() < until


def _note(error: RedisError, job: str) -> None:
    if isinstance(error, exceptions.TimeoutError):
        current_app.extensions["redis_rests_until"] = monotonic() + REST_SECONDS
    log.warning("queue_unreachable", job=job, error=str(error))


def _wish_key(job: str, args: tuple[Any, ...]) -> str:
    return ":".join(["boomerang", "wish", job, *map(str, args)])
