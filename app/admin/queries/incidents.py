"""What was wrong with the engine, newest first, and what became of telling the merchant."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.admin.queries.keyset import Place, Slice, Window, cut, within
from app.models import AlertPost, Incident
from app.models.columns import among


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident, and the posts about it: of its beginning, and of its end."""

    incident: Incident
    posts: tuple[AlertPost, ...]


def list_incidents(session: Session, shop_id: int, window: Window) -> Slice[IncidentRow]:
    """Return a page of incidents, by when they began."""
    keys = select(Incident.began_at, Incident.id).where(Incident.shop_id == shop_id)
    found = session.execute(within(keys, Incident.began_at, Incident.id, window))
    page = cut([Place(at, number) for at, number in found], window, lambda place: place)
    ids = [place.id for place in page.rows]
    rows = session.scalars(select(Incident).where(Incident.shop_id == shop_id, among(Incident.id, ids)))
    by_id = {row.id: row for row in rows}
    posts = _list_posts(session, shop_id, ids)
    return Slice(
        tuple(IncidentRow(by_id[number], tuple(posts.get(number, ()))) for number in ids), page.newer, page.older
    )


def _list_posts(session: Session, shop_id: int, ids: Sequence[int]) -> dict[int, list[AlertPost]]:
    query = select(AlertPost).where(AlertPost.shop_id == shop_id, among(AlertPost.incident_id, ids))
    found: defaultdict[int, list[AlertPost]] = defaultdict(list)
    for post in session.scalars(query.order_by(AlertPost.id)):
        found[post.incident_id or 0].append(post)
    return found
