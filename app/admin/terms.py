"""Publishing a new version of the programme's terms."""

from flask import g, request
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.forms import FormError, load, terms_schema
from app.admin.settings import show_settings
from app.admin.terms_form import fields_from_request, terms_from_form
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms
from app.errors import Refused


class Overtaken(Refused):
    """Somebody else published a version since the form was shown."""


@bp.post("/settings/terms")
def publish_terms() -> ResponseReturnValue:
    """Publish what the form says as the next version, unless somebody published another one meanwhile."""
    typed, currency = fields_from_request(request.form), g.shop.currency
    try:
        new = terms_from_form(load(terms_schema(currency), typed), currency)
        with transaction() as session:
            published = terms.publish(session, g.shop.id, new, g.actor, utcnow())
            # Asked after publishing, which locks the shop; raising takes the version back.
            if request.form.get("seen_version") != str(published.version - 1):
                raise Overtaken(
                    "Somebody published new terms meanwhile. Load the page again and make your changes there."
                )
    except FormError as error:
        return show_settings(422, error=str(error), terms_fields=typed, terms_errors=error.errors)
    except Overtaken as error:
        return show_settings(409, error=str(error), terms_fields=typed)
    except Refused as error:
        return show_settings(422, error=str(error), terms_fields=typed)
    return show_settings(toast=f"Published as version {published.version}")
