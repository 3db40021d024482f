"""Letters in words: what is said of each kind of news, in each language, whatever stands in the data."""

import re
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.letters import News, OwnTemplate, TakenBack, Written
from app.engine.rules.messages import Saying
from app.engine.rules.postings import Line
from app.engine.rules.statements import Amounts, Figures
from app.languages import LANGUAGES, format_money, locale_of
from app.mail.examples import NEWS, SENDER, example_letter
from app.mail.merchant_words import Bullets, Button, Paragraph, Table, write_to_merchant
from app.mail.plain_text import WIDTH
from app.mail.ready import default_template, own_templates
from app.mail.render import MOST_NEWS, write
from app.mail.statement_words import word_of
from app.mail.variables import FRAME, TEMPLATES

EVERY = list(product(TEMPLATES, LANGUAGES))
#: What is said to somebody who earned 3.00, by language: amount, day, and a word that only this language has.
EARNED = {
    "en": ("You earned €3.00 with order #1001", "March 17, 2027", "Hello Maria Muster,"),
    "de": ("3,00\u00a0€ verdient mit Bestellung #1001", "17. März 2027", "Guten Tag Maria Muster,"),
    "fr": ("3,00\u00a0€ gagnés avec la commande #1001", "17 mars 2027", "Bonjour Maria Muster,"),
    "es": ("Ha ganado 3,00\u00a0€ con el pedido #1001", "17 de marzo de 2027", "Hola, Maria Muster:"),
}


def flat(text: str) -> str:
    """Return a text without its line ends, which stand wherever lines became too long."""
    return " ".join(text.split())


def plain(html: str) -> str:
    return flat(re.sub(r"<[^>]+>", " ", html.partition("</head>")[2]))


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs if name.startswith("on"))}


def elements(html: str) -> set[str]:
    """Return the names of all elements in a page, and of attributes that would run something."""
    reading = Elements()
    reading.feed(html)
    return reading.found


def write_one(news: News, language: str = "en", **changes: object) -> Written:
    return write(replace(example_letter(FRAME, language), news=(news,), **changes), SENDER)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_says_what_was_earned_with_which_order_and_when_it_comes(language: str) -> None:
    written = write(example_letter(Saying.EARNED, language), SENDER)
    subject, day, greeting = EARNED[language]
    assert written.subject == subject
    assert written.error is None
    for words in (flat(written.text), plain(written.html)):
        assert greeting in words
        assert "#1001" in words
        assert flat(day) in words
    assert f'<html lang="{language}">' in written.html


@pytest.mark.parametrize(("template", "language"), EVERY)
@pytest.mark.parametrize("bare", [False, True])
def test_every_letter_is_whole_in_text_and_html(template: str, language: str, bare: bool) -> None:
    letter = example_letter(template, language, bare=bare)
    written = write(letter, SENDER)
    assert (written.error, written.broken) == (None, ())
    for words in (written.text, written.html):
        assert SENDER.cashback_url in words
        assert SENDER.stop_url in words
        assert SENDER.shop_name in flat(words)
        # Nothing that is missing leaves a hole, and no bracket of a template is left.
        assert not re.search(r"None|\{\{|\{%|[^.] \.|\(\)", words.partition("</head>")[2] or words)
    assert all(len(line) <= WIDTH or "://" in line for line in written.text.splitlines())
    assert "\n\n\n" not in written.text
    # What is missing leaves two blanks side by side.
    assert not re.search(r"\S  \S", written.text)
    assert "\n" not in written.subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", TakenBack)
def test_what_is_taken_back_says_why_in_one_way_for_each_reason(why: TakenBack, language: str) -> None:
    order = None if why is TakenBack.BY_HAND else "#998"
    others = [
        write_one(News(Saying.REVERSED, 100, order_name=order or "#998", taken_back=each), language).text
        for each in TakenBack
        if each is not why
    ]
    written = write_one(News(Saying.REVERSED, 100, order_name=order, taken_back=why), language)
    assert written.text not in others
    assert format_money(100, "EUR", locale_of(language)).replace("\u00a0", " ") in flat(written.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", TakenBack)
def test_the_heading_has_a_line_to_itself_without_html_too(why: TakenBack, language: str) -> None:
    written = write_one(News(Saying.REVERSED, 100, order_name="#998", taken_back=why), language)
    (heading,) = re.findall(r"<h2[^>]*>(.*?)</h2>", written.html)
    assert unescape(heading) in written.text.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_does_not_say_taken_back_of_what_settled_a_debt(language: str) -> None:
    subjects = {
        why: write_one(News(Saying.REVERSED, 100, order_name="#998", taken_back=why), language).subject
        for why in (TakenBack.REFUND, TakenBack.SET_OFF)
    }
    assert subjects[TakenBack.SET_OFF] != subjects[TakenBack.REFUND]
    assert all("#998" in subject for subject in subjects.values())


def test_news_that_nobody_can_explain_is_told_nevertheless() -> None:
    text = flat(write_one(News(Saying.REVERSED, 100)).text)
    assert "Alpine Goods has taken back €1.00 of cashback." in text


def test_several_pieces_of_news_share_one_mail_and_a_subject_of_the_frame() -> None:
    written = write(example_letter(FRAME, "en"), SENDER)
    assert written.subject == "News about your cashback at Alpine Goods"
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", written.html)
    assert headings == [
        "€3.00 earned",
        "€4.50 added to your store credit",
        "€1.00 taken back",
        "Your tier is now Silver",
    ]
    assert [written.text.index(heading) for heading in headings] == sorted(map(written.text.index, headings))


def test_so_much_news_that_it_fits_into_no_mail_leads_to_the_page_with_all_of_it() -> None:
    many = tuple(News(Saying.EARNED, 100 + number, order_name=f"#{number}") for number in range(MOST_NEWS + 5))
    written = write(replace(example_letter(FRAME, "en"), news=many), SENDER)
    assert written.html.count("<h2") == MOST_NEWS
    assert "more news than fits" in flat(written.text)
    few = write(replace(example_letter(FRAME, "en"), news=many[:MOST_NEWS]), SENDER)
    assert "more news" not in flat(few.text)


def test_a_guest_is_not_told_of_a_balance() -> None:
    assert "store credit now" not in write(example_letter(Saying.CLAIMABLE, "en"), SENDER).text
    assert "You have €18.25 of store credit now." in write(example_letter(Saying.EARNED, "en"), SENDER).text


#: Small ones, which stand side by side, and great ones, which do not.
AMOUNTS = st.builds(Amounts, *(st.integers(-999, 999) | st.integers(-(10**9), 10**9) for _ in range(3)))


@given(
    opening=AMOUNTS,
    lines=st.dictionaries(st.sampled_from(list(Line)), AMOUNTS),
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    language=st.sampled_from(LANGUAGES),
)
def test_a_statement_shows_each_figure_as_it_is_given(
    opening: Amounts, lines: dict[Line, Amounts], currency: str, language: str
) -> None:
    figures = Figures(opening, lines)
    news = replace(NEWS[Saying.STATEMENT_READY], figures=figures)
    letter = replace(example_letter(Saying.STATEMENT_READY, language), news=(news,), currency=currency)
    written = write(letter, SENDER)
    words = {line: word_of(line, language) for line in Line}
    owes = any(amounts.owed_minor for amounts in (opening, figures.closing, *lines.values()))

    def cells(amounts: Amounts) -> list[str]:
        owed = [amounts.owed_minor] if owes else []
        parts = [amounts.pending_minor, amounts.available_minor, *owed, amounts.total_minor]
        return [format_money(part, currency, locale_of(language)) for part in parts]

    wanted = [cell for amounts in (opening, *lines.values(), figures.closing) for cell in cells(amounts)]
    shown = [cell.replace("&nbsp;", "\u00a0") for cell in re.findall(r"<td[^>]*>(.*?)</td>", written.html)]
    assert shown == wanted
    assert re.findall(r"^- [^:]+?\s?: (.*)$", written.text, re.MULTILINE) == wanted
    named = [name for name in re.findall(r"<th[^>]*>(.*?)</th>", written.html) if name in set(words.values())]
    assert named == [words[line] for line in lines]


@pytest.mark.parametrize(
    ("name", "is_greeted"),
    [
        ("Maria Muster", True),
        ("Zoë O'Brien-Müller", True),
        ("J. R. Smith", True),
        ("李小龍", True),
        ("<script>alert(1)</script>", False),
        ("{{ 7*7 }}", False),
        ("You won! http://bad.example", False),
        ("Visit bad.example now", False),
        ("www.bad", False),
        ("a" * 61, False),
        ("\u202eMaria", True),
        ("Maria\nBcc: everybody", False),
        ("   ", False),
    ],
)
def test_only_what_can_be_a_name_is_greeted(name: str, is_greeted: bool) -> None:
    written = write(replace(example_letter(Saying.EARNED, "en"), name=name), SENDER)
    shown = name.replace("\u202e", "").strip()
    assert (f"Hello {shown}," in written.text) is is_greeted
    assert ("Hello,\n" in written.text) is not is_greeted
    assert is_greeted or not shown or shown not in written.text


HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% for x in y %}",
    '"><img src=x onerror=alert(1)>',
    "#1\r\nBcc: everybody@example.com\r\n\r\nHello",
    "#1\u2028\u2029\x00\x0b\x85next",
    "#1\u202e1#",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_the_data_stays_text_on_one_line(text: str) -> None:
    news = News(Saying.EARNED, 300, order_name=text)
    tier = News(Saying.TIER_CHANGED, tier_before=text, tier_after=text, rate_bps=100)
    hand = News(Saying.CREDITED, 100, note=text)
    written = write(replace(example_letter(FRAME, "en"), news=(news, tier, hand)), replace(SENDER, shop_name=text))
    one = write_one(news)
    assert written.error is one.error is None
    for subject in (written.subject, one.subject):
        assert subject.isprintable()
        assert len(subject) <= 200
    assert elements(written.html) == elements(write(example_letter(FRAME, "en"), SENDER).html)
    assert "49" not in written.html.partition("</style>")[2]
    # A line of its own it begins nowhere but in what a person of the shop wrote.
    assert not re.search(r"^Bcc:", one.text, re.MULTILINE)
    assert "\x00" not in written.html + written.text


def test_a_very_long_word_is_cut_and_a_very_long_note_as_well() -> None:
    news = News(Saying.CREDITED, 100, order_name="#" + "9" * 5_000, note="n" * 100_000)
    written = write_one(news)
    assert len(written.html) < 12_000
    assert "9" * 118 + "…" in written.text


def test_a_shop_s_own_words_take_the_place_of_ours_in_their_language_only() -> None:
    own = own_templates(
        [OwnTemplate("earned", "de", "Juhu: {{ amount }}", "<h2>Juhu, {{ name }}!</h2>", "Juhu, {{ name }}!")]
    )
    german = write(example_letter(Saying.EARNED, "de"), SENDER, own)
    assert german.subject == "Juhu: 3,00\u00a0€"
    assert "Juhu, Maria Muster!" in german.text
    assert "Juhu, Maria Muster!" in german.html
    assert german.error is None
    french = write(example_letter(Saying.EARNED, "fr"), SENDER, own)
    assert french == write(example_letter(Saying.EARNED, "fr"), SENDER)


def test_a_name_is_escaped_in_a_shop_s_own_words_too() -> None:
    own = own_templates([OwnTemplate("credited", "en", "x", "<p title='{{ order }}'>{{ note }}</p>", "x")])
    news = News(Saying.CREDITED, 100, order_name="'><b>", note="<b>bold</b>")
    html = write(replace(example_letter(FRAME, "en"), news=(news,)), SENDER, own).html
    assert elements(html) == elements(write_one(NEWS[Saying.EARNED]).html) - {"h2"}
    assert "&lt;b&gt;bold" in html


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"html": "{{ nam }}"}, "There is no variable nam"),
        ({"subject": "{{ "}, "cannot be read"),
        ({"subject": "  "}, "The subject is empty"),
        ({"text": "{{ shop.name }}"}, "nothing else"),
    ],
)
def test_words_that_cannot_be_used_are_replaced_by_ours_and_it_is_said_why(changes: dict[str, str], why: str) -> None:
    broken = replace(OwnTemplate("earned", "en", "s", "h", "t"), **changes)
    letter = example_letter(FRAME, "en")
    written = write(letter, SENDER, own_templates([broken]))
    ours = write(letter, SENDER)
    assert (written.subject, written.html, written.text) == (ours.subject, ours.html, ours.text)
    assert written.broken == ("earned",)
    assert written.error is not None
    assert written.error.startswith("earned: ")
    assert why in written.error


def test_a_frame_that_cannot_be_used_keeps_the_shop_s_other_words() -> None:
    own = own_templates(
        [OwnTemplate("earned", "en", "Mine", "<p>Mine</p>", "Mine"), OwnTemplate(FRAME, "en", "s", "{{ x }}", "t")]
    )
    written = write(example_letter(Saying.EARNED, "en"), SENDER, own)
    assert (written.subject, written.broken) == ("Mine", (FRAME,))
    assert "<p style=" in written.html
    assert "Mine" in written.text
    assert SENDER.stop_url in written.html


def test_words_that_are_too_long_together_give_way_to_ours() -> None:
    long = OwnTemplate("earned", "en", "s", "<p>x</p>" * 6_000, "t")
    letter = replace(example_letter(FRAME, "en"), news=(NEWS[Saying.EARNED],) * 5)
    written = write(letter, SENDER, own_templates([long]))
    assert written.broken == ("earned",)
    assert written.html == write(letter, SENDER).html


def test_a_template_saved_anew_counts_at_once() -> None:
    letter = example_letter(Saying.EARNED, "en")
    first = OwnTemplate("earned", "en", "First", "h", "t")
    assert write(letter, SENDER, own_templates([first])).subject == "First"
    assert write(letter, SENDER, own_templates([replace(first, subject="Second")])).subject == "Second"


def test_style_stands_with_each_element_and_what_is_for_the_dark_beside_them() -> None:
    html = write(example_letter(FRAME, "en"), SENDER).html
    head, _, body = html.partition("</head>")
    assert "prefers-color-scheme: dark" in head
    assert '<meta name="color-scheme" content="light dark">' in head
    assert re.search(r"<h2 style=\"[^\"]*font-size", body)
    assert not re.search(r"(src|background)=|url\(|@import|<link|<script", html)


def test_what_a_shop_s_style_asks_for_is_never_fetched() -> None:
    frame = default_template(FRAME, "en")
    asking = '<link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
    own = own_templates([replace(frame, html=asking + frame.html)])
    html = write(example_letter(Saying.EARNED, "en"), SENDER, own).html
    assert "root:" not in html
    assert SENDER.stop_url in html


def test_the_line_beside_the_subject_adds_to_it() -> None:
    def beside(written: Written) -> str:
        return re.findall(r'<div class="preview"[^>]*>(.*?)</div>', written.html)[0]

    one = write(example_letter(Saying.EARNED, "en"), SENDER)
    assert beside(one).startswith("Your order #1001 earned €3.00 of cashback. We expect it")
    assert beside(write(example_letter(FRAME, "en"), SENDER)).startswith("You earned €3.00 with order #1001 · €4.50")


def test_a_mail_to_the_merchant_says_everything_in_text_and_html() -> None:
    parts = (
        Paragraph("Shopify refuses <every> credit."),
        Paragraph("Reinstall the app.", title="What to do"),
        Bullets(("#1001", "#1002")),
        Table(("Figure", "Today"), (("Orders", "12"), ("Cashback", "€3.00"))),
        Button("Open it", "https://boomerang.example/orders"),
    )
    written = write_to_merchant("Credits are refused\r\nBcc: x", parts, shop_name="Alpine Goods", language="de")
    assert written.subject == "Credits are refused Bcc: x"
    assert "Shopify refuses &lt;every&gt; credit." in written.html
    for words in (written.text, written.html):
        for said in (
            "What to do",
            "Reinstall the app.",
            "#1002",
            "Cashback",
            "€3.00",
            "https://boomerang.example/orders",
        ):
            assert said in words
    assert "Figure    Today\nOrders       12\nCashback  €3.00\n" in written.text
    assert '<html lang="de">' in written.html
    assert write_to_merchant("s", (), shop_name="A", language="en").text.startswith("s\n\n--\nA\n")


def test_a_table_that_is_too_wide_for_text_becomes_a_list() -> None:
    wide = Table(("Figure", "Today", "Before"), (("Orders", "x" * 40, "y" * 40),))
    text = write_to_merchant("s", (wide,), shop_name="A", language="en").text
    assert f"Orders\n  Today: {'x' * 40}\n  Before: {'y' * 40}\n" in text
    assert "Figure" not in write_to_merchant("s", (Table(("Figure",), ()),), shop_name="A", language="en").text


def test_days_are_those_of_the_language() -> None:
    news = News(Saying.EXPIRING, 100, on_day=date(2027, 12, 1))
    assert "1. Dezember 2027" in flat(write_one(news, "de").text)
