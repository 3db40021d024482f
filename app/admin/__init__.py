"""The embedded admin: guard, one file per screen, read-only queries, forms, templates and static files."""

from flask import Blueprint, Flask

from app.admin import display, errors, form_tokens, guard, headers, people, rooms

bp = Blueprint("admin", __name__, template_folder="templates")
bp.before_request(guard.admit)
bp.teardown_request(guard.leave)
errors.answer_errors_of(bp)


def init_app(app: Flask) -> None:
    """Open the admin's rooms in the app."""
    # Imported here because every screen hangs its routes on the blueprint above.
    from app.admin import assets, auth, bounce, business, deliveries, home, orders, permissions, privacy  # noqa: F401

    errors.init_errors(app)
    headers.init_headers(app)
    display.init_display(app)
    form_tokens.init_form_tokens(app)
    people.init_people(app)
    rooms.init_rooms(app)
    app.register_blueprint(assets.bp)
    app.register_blueprint(bounce.bp)
    app.register_blueprint(auth.bp)
    from app.admin import (  # noqa: F401  # noqa: F401
        accounts,
        activity,
        book_words,
        calculations,
        ledger,
        reviews,
        reviews_many,
        settings,
        terms,
        tier_edit,
        tier_log,
        tiers,
        transfers,
    )

    book_words.init_book_words(app)
    from app.admin import first_run, imports, preferences, staff  # noqa: F401

    first_run.init_first_run(app)

    from app.admin import customer_deeds, customer_page, customer_words, customers, statements  # noqa: F401

    customer_words.init_customer_words(app)
    from app.admin import order_words, process, shopify_pages  # noqa: F401

    order_words.init_order_words(app)
    shopify_pages.init_shopify_pages(app)
    app.register_blueprint(bp)
