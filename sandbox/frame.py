"""Pages (placeholder)."""

from flask import Blueprint

blueprint = Blueprint("frame", __name__)
