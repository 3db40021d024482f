"""Control calls about the customers' mails: what came, how it looks, and the one click that stops it."""

import http.client
from urllib.parse import urlsplit

from flask import Response, abort, current_app, request

from sandbox.calls import as_json, control_blueprint, controlled, read_limit
from sandbox.errors import BadInput
from sandbox.inbox import Inbox, Letter

SECONDS = 10
#: A mail may run nothing and load nothing; its links open in a tab of their own.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox"
)
blueprint = control_blueprint("control_inbox")


def inbox() -> Inbox:
    """Return the customers' inbox."""
    found: Inbox = current_app.extensions["inbox"]
    return found


@blueprint.get("/sandbox/mails")
@controlled
def list_mails() -> Response:
    """The newest mails; `to` names one address."""
    letters = inbox().list(request.args.get("to"))
    shown = [letter.show() for letter in letters[: read_limit(60)]]
    return as_json({"count": len(letters), "port": inbox().port, "mails": shown})


@blueprint.get("/sandbox/mails/<int:number>/html")
def show_html(number: int) -> Response:
    """A mail's HTML, locked up."""
    html = _letter(number).html.replace("<head>", '<head><base target="_blank">', 1)
    return Response(html, mimetype="text/html", headers={"Content-Security-Policy": POLICY})


@blueprint.post("/sandbox/mails/<int:number>/unsubscribe")
@controlled
def unsubscribe(number: int) -> Response:
    """Click "unsubscribe" as a mail program does: one POST, without a person (RFC 8058)."""
    link = _letter(number).unsubscribe_url
    if link is None:
        raise BadInput("This mail offers no unsubscribing by one click.")
    place = urlsplit(link)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.netloc, timeout=SECONDS)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"{place.path}?{place.query}" if place.query else place.path
        connection.request("POST", path, "List-Unsubscribe=One-Click", form)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise BadInput(f"The app gave no answer to the click: {error}") from error
    finally:
        connection.close()
    return as_json({"status": status})


def _letter(number: int) -> Letter:
    letter = inbox().find(number)
    if letter is None:
        abort(404)
    return letter
