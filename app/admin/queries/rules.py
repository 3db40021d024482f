"""What the rules' page asks of the catalogue."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts import ProductFact
from app.engine.rules.facts_json import from_json
from app.models import Product


def find_product(session: Session, shop_id: int, product_id: int) -> ProductFact | None:
    """Return what is remembered of a product; None where nobody has asked for it yet."""
    query = select(Product.fact).where(Product.shop_id == shop_id, Product.shopify_id == product_id)
    fact = session.scalar(query)
    return None if fact is None else from_json(ProductFact, fact)
