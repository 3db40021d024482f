"""``flask work`` and ``flask clock``: the two processes besides the web."""

import click
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker import DequeueStrategy

from app.cli.frame import sentences_for_absent_servers
from app.config import current_settings
from app.queue import QUEUES, blocking_connection
from app.schedule import run_clock


class _Worker(SimpleWorker):
    """Runs jobs in its own process: a job is one drain of many rows, and a fork for each would cost more than it."""

    death_penalty_class = TimerDeathPenalty


@click.command()
@click.option("--queues", default=",".join(QUEUES), show_default=True, help="Which queues; they take turns.")
@click.option("--burst", is_flag=True, help="Stop when nothing is left to do.")
@sentences_for_absent_servers()
def work(queues: str, burst: bool) -> None:
    """Run a worker: it drains the inbox and sends transfers."""
    names = [name.strip() for name in queues.split(",")]
    unknown = sorted(set(names) - set(QUEUES))
    if unknown:
        raise click.UsageError(f"There is no queue {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
    connection = blocking_connection(current_settings().redis_url)
    worker = _Worker(names, connection=connection, serializer=JSONSerializer)
    # In turns, or what the platform brings all day would keep from ever being sent what the books owe.
    worker.work(burst=burst, logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)


@click.command()
def clock() -> None:
    """Run the clock: it asks for whatever the tables say is left to do."""
    run_clock()
