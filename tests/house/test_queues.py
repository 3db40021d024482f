"""Every queue is listened to, and every job that is asked for exists."""

import ast
import inspect
import re

from app import jobs, queue
from app.cli.processes import work
from app.queue import QUEUES
from app.schedule import SWEEPS
from tests.house.sources import calls, python_files, read, tree

#: Jobs whose wish may be lost for good, each with its reason.
NOT_SWEPT = {
    "ask_about_order": "whoever wants the answer looks at the page that waits for it, and asks again",
    "stop_collecting": "the operation ends by itself, only later",
}


def wishes() -> list[tuple[str, str]]:
    """Return queue and job of every enqueue_once in the app."""
    found = []
    for path in python_files("app"):
        for name, call in calls(tree(path)):
            if name.rpartition(".")[2] == "enqueue_once":
                where, job = call.args[:2]
                assert isinstance(where, ast.Name | ast.Attribute), path
                assert isinstance(job, ast.Constant), path
                found.append((getattr(queue, ast.unparse(where).rpartition(".")[2]), str(job.value)))
    return found


def test_a_worker_listens_to_every_queue_unless_told_otherwise() -> None:
    default = next(option for option in work.params if option.name == "queues").default
    assert default == ",".join(QUEUES)


def test_the_procfile_starts_a_clock_and_workers_for_each_queue_with_mails_alone() -> None:
    processes = dict(re.findall(r"^(\w+): (.+)$", read("Procfile"), re.MULTILINE))
    prefix = "flask --app wsgi work --queues "
    queues = {name: line.removeprefix(prefix) for name, line in processes.items() if line.startswith(prefix)}
    assert queues == {"worker": "inbox,transfers,chores", "mailer": "mails"}
    assert {queue for listened in queues.values() for queue in listened.split(",")} == set(QUEUES)
    assert processes["clock"] == "flask --app wsgi clock"
    assert {"web", "release"} <= processes.keys()


def test_every_queue_is_filled_by_somebody_and_nobody_fills_another() -> None:
    assert {where for where, _ in wishes()} == set(QUEUES)


def test_every_job_that_is_asked_for_exists_and_every_job_is_asked_for() -> None:
    asked = {job for _, job in wishes()}
    own = {name for name, _ in inspect.getmembers(jobs, inspect.isfunction) if not name.startswith("_")}
    there = {name for name in own if getattr(jobs, name).__module__ == "app.jobs"}
    assert asked == there


def test_every_job_is_found_again_by_a_sweep_should_its_wish_be_lost() -> None:
    swept = {job for sweep in SWEEPS for job in re.findall(r'"(\w+)"', inspect.getsource(sweep.ask))}
    assert {job for _, job in wishes()} - swept == set(NOT_SWEPT)
