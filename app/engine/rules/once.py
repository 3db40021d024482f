"""What is prepared once from terms and then serves every order under them."""

from collections.abc import Callable
from typing import Generic, TypeVar

from app.engine.rules.terms import Terms

T = TypeVar("T")
#: Enough for the versions that a worker meets; beyond, it begins anew.
_MOST = 64


class OncePerTerms(Generic[T]):
    """A function of terms that remembers its answers by the terms' identity: hashing all of them is slow."""

    def __init__(self, prepare: Callable[[Terms], T]) -> None:
        self._prepare = prepare
        # The terms are kept with their answer, so that no others can have their id meanwhile.
        self._known: dict[int, tuple[Terms, T]] = {}

    def __call__(self, terms: Terms) -> T:
        known = self._known.get(id(terms))
        if known is not None:
            return known[1]
        if len(self._known) >= _MOST:
            self._known.clear()
        prepared = self._prepare(terms)
        self._known[id(terms)] = (terms, prepared)
        return prepared
