"""What the storefront's tests share: the admin's browser and stage."""

from tests.admin.browsing import browser, page, stage

__all__ = ["browser", "page", "stage"]
