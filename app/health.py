"""For whoever watches the processes: is this one alive, and can it do its work?"""

from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db import transaction
from app.queue import connection

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while this process serves at all."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer 200 when database and queue can be reached, else 503 with what cannot."""
    missing = [name for name, can_reach in (("database", _reach_database), ("queue", _reach_queue)) if not can_reach()]
    status = f"cannot reach the {' and the '.join(missing)}" if missing else "ok"
    return jsonify(status=status), 503 if missing else 200


def _reach_database() -> bool:
    try:
        with transaction() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _reach_queue() -> bool:
    try:
        connection().ping()
    except RedisError:
        return False
    return True
