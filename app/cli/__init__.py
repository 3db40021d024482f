"""The ``flask`` commands, one file per subject."""

from flask import Flask

from app.cli.books import check_books
from app.cli.deliveries import prune_command, replay_command
from app.cli.drift import drift, repeated_transfer
from app.cli.history import import_history
from app.cli.inspect import inspect_group
from app.cli.mails import mails_group
from app.cli.money import adjust_group, statement
from app.cli.processes import clock, work
from app.cli.program import program_group
from app.cli.reconcile import reconcile_command
from app.cli.staff import staff_group
from app.cli.terms import terms_group
from app.cli.tiers import tiers_group


def init_app(app: Flask) -> None:
    """Add the commands to the app."""
    for command in (
        work,
        clock,
        inspect_group,
        check_books,
        drift,
        repeated_transfer,
        reconcile_command,
        replay_command,
        prune_command,
        import_history,
        statement,
        program_group,
        staff_group,
        terms_group,
        tiers_group,
        adjust_group,
        mails_group,
    ):
        app.cli.add_command(command)
