"""The embedded admin: guard, one file per screen, read-only queries, forms, templates and static files."""
# ruff: noqa: F401 - screens are imported for the routes they hang on the blueprint

from flask import Blueprint, Flask

from app.admin import display, errors, form_tokens, forms, guard, headers, people, rooms

bp = Blueprint("admin", __name__, template_folder="templates")
bp.before_request(guard.admit)
bp.teardown_request(guard.leave)
errors.answer_errors_of(bp)


def init_app(app: Flask) -> None:
    """Open the admin's rooms in the app."""
    # Imported here because every screen hangs its routes on the blueprint above.
    from app.admin import (
        accounts,
        activity,
        assets,
        auth,
        book_checks,
        book_words,
        bounce,
        business,
        calculations,
        customer_deeds,
        customer_page,
        customer_words,
        customers,
        deliveries,
        first_run,
        home,
        imports,
        incidents,
        ledger,
        mail_frames,
        mail_settings,
        mail_templates,
        mail_words,
        mails,
        order_words,
        orders,
        permissions,
        preferences,
        privacy,
        process,
        reviews,
        reviews_many,
        settings,
        shopify_pages,
        staff,
        statements,
        terms,
        tier_edit,
        tier_log,
        tiers,
        transfers,
    )

    errors.init_errors(app)
    headers.init_headers(app)
    display.init_display(app)
    form_tokens.init_form_tokens(app)
    forms.init_forms(app)
    people.init_people(app)
    rooms.init_rooms(app)
    book_words.init_book_words(app)
    customer_words.init_customer_words(app)
    first_run.init_first_run(app)
    mail_frames.init_mail_frames(app)
    mail_words.init_mail_words(app)
    order_words.init_order_words(app)
    shopify_pages.init_shopify_pages(app)
    for its in (assets.bp, bounce.bp, mail_frames.bp, auth.bp, bp):
        app.register_blueprint(its)
