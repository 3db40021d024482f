"""`flask import-history`, as an operator types it."""

import pytest
from click.testing import Result

from app.db import db
from app.engine.flows import import_steps
from app.jobs import import_history
from app.models import ImportState
from tests.shopify.desk import Desk
from tests.shopify.past import Past


@pytest.fixture
def past(desk: Desk) -> Past:
    past = Past(desk)
    past.order("100.00", days_ago=40)
    past.order("50.00", days_ago=20, who="ben")
    return past


def run(past: Past, *words: str) -> Result:
    domain = past.desk.sandbox_shop.domain
    result = past.desk.app.test_cli_runner().invoke(args=["import-history", "--shop", domain, *words])
    db.session.remove()
    return result


def test_a_dry_run_and_then_an_import_with_rewards_say_what_they_come_to(past: Past) -> None:
    dry = run(past, "--window", "all", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "2 orders, of which 0 were known already and 0 were left out." in dry.output
    assert "2 customers with a net spend of 300.00 USD by these orders:" in dry.output
    assert "If asked, about: 2 past orders, 6.00 USD of cashback." in dry.output
    assert past.rewards() == {}
    real = run(past, "--window", "all", "--reward-past")
    assert real.exit_code == 0, real.output
    assert "The import is finished after 2 orders." in real.output
    assert "Rewarded: 2 past orders, 6.00 USD." in real.output.replace(" of cashback", "")
    assert "Bronze: 2 customers, 300.00 USD" in real.output


def test_the_workers_carry_on_what_is_left_to_them(past: Past) -> None:
    assert "The workers import it" in run(past, "--window", "60d", "--background").output
    assert "about to be asked" in run(past, "--do", "status").output
    import_history(past.shop_id)
    assert past.row().state is ImportState.COLLECTING
    past.desk.sandbox_shop.bulk.wait_idle(10)
    row = past.row()
    past.run(lambda session, shop: import_steps.wake(session, shop, [row.operation_gid or ""], past.desk.clock()))
    import_history(past.shop_id)
    import_history(past.shop_id)
    assert past.row().state is ImportState.FINISHED
    assert len(past.rewards()) == 2


def test_an_import_is_paused_gone_on_with_and_cancelled_from_a_shell(past: Past) -> None:
    assert "Nothing was imported yet." in run(past, "--do", "status").output
    assert "--window" in run(past).output
    run(past, "--window", "60d", "--background")
    paused = run(past, "--do", "pause")
    assert "Paused by cli after 0 orders; --do resume goes on." in paused.output
    assert "Paused by cli" in run(past).output
    assert "about to be asked" in run(past, "--do", "resume").output
    assert "running already" in run(past, "--window", "60d").output
    assert "The import is cancelled after 0 orders." in run(past, "--do", "cancel").output
    assert run(past, "--do", "cancel").exit_code == 1
    assert run(past, "--window", "60d").exit_code == 0


def test_what_cannot_be_is_one_sentence_and_exit_one(past: Past) -> None:
    past.run(lambda session, shop: setattr(shop, "began_at", None))
    refused = run(past, "--window", "60d")
    assert (refused.exit_code, "began" in refused.output) == (1, True)
    domain = past.desk.sandbox_shop.domain
    runner = past.desk.app.test_cli_runner()
    began = runner.invoke(args=["program", "set", "--shop", domain, "--began-at", "2026-01-01T00:00+00:00"])
    assert began.exit_code == 0, began.output
    assert "no moment" in runner.invoke(args=["program", "set", "--shop", domain, "--began-at", "soon"]).output
    past.desk.sandbox_shop.grants.change([], ["read_customers"], force=True)
    failed = run(past, "--window", "60d")
    assert failed.exit_code == 1
    assert "permission" in failed.output
