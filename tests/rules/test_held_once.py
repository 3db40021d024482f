"""What is prepared from terms is prepared once, is those terms' own, and does not grow for ever."""

from app.engine.rules.once import OncePerTerms
from app.engine.rules.terms import Terms

from .made import make_terms


class Counted:
    """Prepares a version's number, and knows for which versions it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, terms: Terms) -> int:
        self.asked.append(terms.version)
        return terms.version


def test_terms_are_prepared_once_however_often_they_are_asked_for() -> None:
    prepare = Counted()
    once = OncePerTerms(prepare)
    first, second = make_terms(version=1), make_terms(version=2)
    assert [once(terms) for terms in (first, second, first, second)] == [1, 2, 1, 2]
    assert prepare.asked == [1, 2]


def test_what_was_prepared_is_kept_for_64_versions_and_then_made_anew() -> None:
    prepare = Counted()
    once = OncePerTerms(prepare)
    versions = [make_terms(version=number) for number in range(1, 66)]
    for terms in [*versions[:64], versions[0]]:
        assert once(terms) == terms.version
    assert prepare.asked == list(range(1, 65))
    assert [once(versions[64]), once(versions[0])] == [65, 1]
    assert prepare.asked[64:] == [65, 1]


def test_no_terms_are_taken_for_others_that_are_gone() -> None:
    once = OncePerTerms(Counted())
    assert [once(make_terms(version=number)) for number in range(1, 40)] == list(range(1, 40))
