"""Made-up letters, one for each thing that is said: what previews show, and the examples beside the variables."""

from datetime import date

from app.engine.rules.letters import Letter, News, Sender, TakenBack
from app.engine.rules.messages import Saying
from app.engine.rules.postings import Line
from app.engine.rules.statements import Amounts, Figures
from app.mail.templating import Value
from app.mail.variables import FRAME, Variable, common_values, frame_values, meaning_of, names_of, news_values

SENDER = Sender(
    shop_name="Alpine Goods",
    shop_url="https://alpine-goods.example",
    cashback_url="https://boomerang.example/told/cashback/example",
    stop_url="https://boomerang.example/told/stop/example",
    statement_url="https://boomerang.example/told/statement/example",
)
_FIGURES = Figures(
    Amounts(pending_minor=300, available_minor=1250),
    {
        Line.EARNED: Amounts(pending_minor=875),
        Line.SETTLED: Amounts(pending_minor=-675, available_minor=675),
        Line.REVERSED: Amounts(available_minor=-100),
        Line.REDEEMED: Amounts(available_minor=-500),
    },
)
NEWS = {
    Saying.EARNED: News(Saying.EARNED, 300, order_name="#1001", on_day=date(2027, 3, 17)),
    Saying.CREDITED: News(Saying.CREDITED, 450, order_name="#1000", ends_on=date(2028, 3, 3)),
    Saying.REVERSED: News(Saying.REVERSED, 100, order_name="#998", taken_back=TakenBack.REFUND),
    Saying.TIER_CHANGED: News(Saying.TIER_CHANGED, tier_before="Bronze", tier_after="Silver", rate_bps=400),
    Saying.EXPIRING: News(Saying.EXPIRING, 1250, on_day=date(2027, 3, 31)),
    Saying.STATEMENT_READY: News(
        Saying.STATEMENT_READY,
        statement_id=42,
        from_day=date(2027, 2, 1),
        to_day=date(2027, 2, 28),
        figures=_FIGURES,
    ),
    Saying.REFUNDED: News(Saying.REFUNDED, 2000, order_name="#997"),
    Saying.CLAIMABLE: News(Saying.CLAIMABLE, 300, order_name="#1002", on_day=date(2027, 6, 1)),
}
#: The same without anything that may be missing: templates have to get along with it.
BARE_NEWS = {
    Saying.EARNED: News(Saying.EARNED, 300),
    Saying.CREDITED: News(Saying.CREDITED, 450, note="Thank you for waiting.\nHave a good day!"),
    Saying.REVERSED: News(Saying.REVERSED, 100, taken_back=TakenBack.BY_HAND),
    Saying.TIER_CHANGED: News(Saying.TIER_CHANGED, tier_before="Silver"),
    Saying.EXPIRING: News(Saying.EXPIRING, 1250, on_day=date(2027, 3, 31)),
    Saying.STATEMENT_READY: News(
        Saying.STATEMENT_READY,
        statement_id=43,
        from_day=date(2027, 3, 1),
        to_day=date(2027, 3, 31),
        figures=Figures(
            Amounts(available_minor=40, owed_minor=-10), {Line.SET_OFF: Amounts(available_minor=-10, owed_minor=10)}
        ),
    ),
    Saying.REFUNDED: News(Saying.REFUNDED, 2000),
    Saying.CLAIMABLE: News(Saying.CLAIMABLE, 300, order_name="#1002"),
}


def example_letter(template: str, language: str, *, bare: bool = False) -> Letter:
    """Return a letter in which a template is used: of the frame one with several pieces of news.

    A bare one knows neither the customer's name nor anything else that may be missing.
    """
    of = BARE_NEWS if bare else NEWS
    if template == FRAME:
        news: tuple[News, ...] = (of[Saying.EARNED], of[Saying.CREDITED], of[Saying.REVERSED], of[Saying.TIER_CHANGED])
    else:
        news = (of[Saying(template)],)
    return Letter(
        customer_id=None if template == Saying.CLAIMABLE else 1,
        address="maria@example.com",
        name=None if bare else "Maria Muster",
        language=language,
        currency="EUR",
        news=news,
        available_minor=1825,
        message_ids=(),
    )


def list_variables(template: str, language: str) -> tuple[Variable, ...]:
    """Return what a template may name, with what each means (to be translated) and an example in a language."""
    letter = example_letter(template, language)
    values = {**common_values(letter, SENDER), **frame_values(letter, more=False)}
    if template != FRAME:
        values |= news_values(letter.news[0], letter, SENDER)
    names = names_of(template, "html")
    return tuple(
        Variable(name, meaning_of(template, name), _shown(values.get(name, "…")))
        for name in (*names.variables, *names.tables)
    )


def _shown(value: Value) -> str:
    """Return an example as a text: of a yes or no which it is, of a table its first row."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return " · ".join(value[0].values())
        case _:
            return str(value)
