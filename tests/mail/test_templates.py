"""What a shop's own template may do, that it always ends, and that whoever writes one is told what is wrong."""

import re
import time
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.letters import OwnTemplate
from app.engine.rules.messages import Saying
from app.languages import LANGUAGES
from app.mail.checks import PARTS, check, preview
from app.mail.document import make_document
from app.mail.examples import SENDER, example_letter, list_variables
from app.mail.markup import read_strictly
from app.mail.ready import default_template, own_templates
from app.mail.render import write
from app.mail.templating import LONGEST_OUTPUT, LONGEST_SOURCE, TemplateFault, compile_template, fill_in
from app.mail.variables import FRAME, TEMPLATES, meaning_of, names_of

EARNED = names_of(Saying.EARNED, "html")
STATEMENT = names_of(Saying.STATEMENT_READY, "html")


def refusal(source: str, names: object = EARNED) -> str:
    """Return why a template is refused."""
    with pytest.raises(TemplateFault) as caught:
        compile_template(source, names, is_html=True)  # type: ignore[arg-type]  # the names of a saying
    return str(caught.value)


def fault_of(html: str, name: str = Saying.EARNED) -> str | None:
    faults = check(name, "en", "Subject", html, "Text {{ stop_url }} {{ sections }}" if name == FRAME else "Text")
    assert all(fault.part == "html" for fault in faults)
    return faults[0].sentence if faults else None


@pytest.mark.parametrize(("name", "language"), list(product(TEMPLATES, LANGUAGES)))
def test_our_own_words_pass_every_check(name: str, language: str) -> None:
    ours = default_template(name, language)
    assert check(name, language, ours.subject, ours.html, ours.text) == []
    # Saved as the shop's own they say the same.
    letter = example_letter(name, language)
    assert write(letter, SENDER, own_templates([ours])) == write(letter, SENDER)


@pytest.mark.parametrize(("name", "language"), list(product(TEMPLATES, LANGUAGES[1:])))
def test_our_words_ask_the_same_questions_in_every_language(name: str, language: str) -> None:
    def skeleton(template: OwnTemplate, part: str) -> list[str]:
        source = getattr(template, part)
        return [token for token in source.split("{%")[1:] for token in [token.split("%}")[0].strip()]]

    english, other = default_template(name, "en"), default_template(name, language)
    assert english != other
    for part in PARTS:
        assert skeleton(english, part) == skeleton(other, part)
        used = {variable.name for variable in list_variables(name, language)}
        shown = [{each for each in used if "{{ " + each + " }}" in getattr(one, part)} for one in (english, other)]
        assert shown[0] == shown[1]


@pytest.mark.parametrize(
    "source",
    [
        "{{ shop.__class__ }}",
        "{{ shop['__class__'] }}",
        "{{ shop|attr('__class__') }}",
        "{{ ''.join([shop]) }}",
        "{{ shop.format(shop) }}",
        "{{ range(10) }}",
        "{% for x in range(1000000000) %}x{% endfor %}",
        "{% for x in shop %}x{% endfor %}",
        "{% for x in [1, 2] %}x{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ 'a' + 'b' }}",
        "{{ '%1000000000s' % 'a' }}",
        "{{ -1 }}",
        "{{ shop[0] }}",
        "{{ [shop] }}",
        "{{ {'a': shop} }}",
        "{{ shop if name else shop }}",
        "{{ shop is string }}",
        "{% set shop = 'x' %}",
        "{% include 'earned' %}",
        "{% import 'earned' as x %}",
        "{% from 'earned' import x %}",
        "{% extends 'earned' %}",
        "{% block x %}{% endblock %}",
        "{% macro x() %}{% endmacro %}",
        "{% call shop() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape false %}{{ name }}{% endautoescape %}",
        "{{ name|safe }}",
        "{{ name|upper(1) }}",
        "{{ name|replace('a', 'aaaa') }}",
        "{{ self }}",
        "{{ loop }}",
        "{{ caller }}",
        "{{ lipsum }}",
        "{{ config }}",
        "{{ _self }}",
        "{% if shop < name %}x{% endif %}",
        "{% if shop in name %}x{% endif %}",
        "{% do shop %}",
        "{% trans %}x{% endtrans %}",
        "{% if %}",
        "{% endif %}",
        "{{ shop",
        "{% if shop %}",
        "{{ 'x",
    ],
)
def test_nothing_is_called_computed_or_reached_into(source: str) -> None:
    assert refusal(source)
    assert len(check(Saying.EARNED, "en", source, source, source)) == 3


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in lines %}{% for b in lines %}x{% endfor %}{% endfor %}",
        "{% for a in lines recursive %}{{ a.name }}{% endfor %}",
        "{% for a in lines if a.name %}x{% endfor %}",
        "{% for a, b in lines %}x{% endfor %}",
        "{% for a in lines %}{{ a }}{% endfor %}",
        "{% for a in lines %}{{ a.items }}{% endfor %}",
        "{% for a in lines %}{{ a.name.upper }}{% endfor %}",
        "{% for a in lines %}{{ loop.index }}{% endfor %}",
        "{% for a in lines %}{% endfor %}{{ a.name }}",
        "{% for a in lines %}x{% else %}{{ a.name }}{% endfor %}",
        "{{ lines }}",
        "{{ lines.name }}",
    ],
)
def test_rows_are_gone_through_once_and_show_their_columns_only(source: str) -> None:
    assert refusal(source, STATEMENT)


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 20_000 + "shop" + ")" * 20_000 + " }}",
        "{{ " + "not " * 10_000 + "shop }}",
        "{{ shop" + " or shop" * 5_000 + " }}",
        "{% if shop %}" * 2_000 + "{% endif %}" * 2_000,
        "{% if shop %}" * 200 + "{% endif %}" * 200,
        "{{ " + "9" * 40_000 + " }}",
        "{% if shop %}a" + "{% elif shop %}a" * 3_000 + "{% endif %}",
        "x" * (LONGEST_SOURCE + 1),
        "<a " * 16_000,
        "<p a=" * 9_000,
        "<a b='" * 8_000,
        "<!" * 24_000,
        "<!--" * 12_000,
        "<" + "a" * 49_000,
        "</" * 24_000,
        "<" * 49_000,
        "&" * 49_000,
        "<b>" * 16_000,
        "<div>" * 9_000,
        "<p><b></p>" * 4_000,
        "<br>" * 12_000,
        "<p a" + " " * 49_000 + "='>",
        "<p " + "a " * 24_000 + "'>",
        "{#" * 20_000,
        "{{ '" + "\\" * 40_000,
        "{%" * 20_000,
    ],
    ids=lambda source: source[:12] + str(len(source)),
)
def test_no_template_keeps_a_worker_busy(source: str) -> None:
    began = time.process_time()
    own = OwnTemplate("earned", "en", "s", source, "t")
    written = write(example_letter(Saying.EARNED, "en"), SENDER, own_templates([own]))
    assert check("earned", "en", "s", source, "t") or written.error is None
    assert time.process_time() - began < 5


def test_what_comes_out_is_no_longer_than_a_mail_may_be() -> None:
    source = "{% for row in lines %}" + "x" * 1_000 + "{% endfor %}"
    template = compile_template(source, STATEMENT, is_html=True)
    assert len(fill_in(template, {"lines": [{}] * 100})) == 100_000
    with pytest.raises(TemplateFault, match="too long: 200000 characters at most"):
        fill_in(template, {"lines": [{}] * 1_000})
    assert LONGEST_OUTPUT == 200_000


@pytest.mark.parametrize("named", [r"\x00", r"\ud800", r"\ud83d\ude00"])
@pytest.mark.parametrize("part", PARTS)
def test_a_character_that_nothing_can_hold_is_left_out(part: str, named: str) -> None:
    # One such mail would keep all mails of its batch from being written, again and again.
    words = {"subject": "Earned", "html": "<p>Earned</p>", "text": "Earned"}
    words[part] += f'{{{{ "{named}" }}}}'
    assert check(Saying.EARNED, "en", **words) == []
    written = preview(OwnTemplate(Saying.EARNED, "en", **words))
    assert written.error is None
    for words_of_it in (written.subject, written.html, written.text):
        assert "\x00" not in words_of_it.encode().decode()


def test_a_huge_value_is_not_multiplied() -> None:
    template = compile_template("{{ shop }}" * 1_000, EARNED, is_html=True)
    with pytest.raises(TemplateFault):
        fill_in(template, {"shop": "x" * 100_000})


@given(st.text(alphabet="{}%#'\"|.()[]*+-~ \nshopifendfor", max_size=60))
def test_whatever_is_typed_is_taken_or_refused_with_a_sentence(source: str) -> None:
    faults = check(Saying.EARNED, "en", source, source, source)
    assert all(fault.sentence for fault in faults)


@given(st.text(alphabet="<>/='\" scriponclk-!&;#\x00{}", max_size=60))
def test_whatever_html_is_typed_is_taken_or_refused_with_a_sentence(source: str) -> None:
    assert fault_of(f"<p>{source}</p>") != ""


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{ nam }}", "There is no variable nam; there are amount, order, day, shop, shop_url, "),
        ("{{ name|reverse }}", "There is no filter reverse; there are capitalize, lower, trim, upper."),
        (
            "a\n{{ shop() }}",
            "Line 2: a template shows variables, asks with if and goes through rows with for; ",
        ),
        ("{% for x in shop %}{% endfor %}", "Line 1: there is nothing here that for could go through."),
        ("{{ shop", "Line 1 cannot be read: unexpected end of template"),
        ("", "Nothing comes out of it."),
        ("{% if note %}x{% endif %}", "There is no variable note"),
        ("<script>x</script>", "Take out <script>: mail programs remove it, or the whole mail."),
        ("<IFRAME src=x>", "Take out <iframe>"),
        ("{% if day %}<form>{% endif %}x", "Take out <form>"),
        ("{% if not name %}<svg></svg>{% endif %}x", "Take out <svg>"),
        ("<p><b>x</p></b>", "Close each element before the one around it: </p> comes too early."),
        ("<div>x", "Close <div>: it is open at the end."),
        ("x</div>", "Take out </div>: nothing is open there."),
        ("x</br>", "Take out </br>: it ends nothing."),
        ("<p title='x>y</p>", 'What follows "<p title=\'x>y</p>" cannot be read: an angle bracket or a quotation mark'),
        ("x<!-- y", "What follows '<!-- y' cannot be read"),
        ("<!--><b>x</b><!-- -->", "What follows '<!--><b>x</b><!-- --' cannot be read"),
        ("<!---><b>x</b><!-- -->", "What follows '<!---><b>x</b><!-- -' cannot be read"),
        ("<!-- --!><b>x</b><!-- -->", "What follows '<!-- --!><b>x</b><!-' cannot be read"),
        ("<b.c>x</b.c>", "What follows '<b.c>x</b.c>' cannot be read"),
        ("<style>p { color: red }</style>x", "Write <style> into the frame, where it is for all mails."),
        ("<i>" * 61 + "x" + "</i>" * 61, "Elements lie too deep in each other: 60 at most."),
        ("<br>" * 6_002, "There are too many elements: 3000 at most."),
        ("<p onClick='x'>x</p>", "Take out onclick of <p>: nothing in a mail may run."),
        ("<a href=' JavaScript:x'>x</a>", "The address in href of <a> must begin with https://."),
        ("<a href={{ shop_url }}>x</a>", "Put quotes around {{ shop_url }}."),
        ("x" * 50_001, "This is too long: 50000 characters at most."),
    ],
)
def test_it_is_said_what_is_wrong(source: str, sentence: str) -> None:
    said = fault_of(source) or ""
    assert said.startswith(sentence)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{ lines }}", "lines is a table: go through its rows, {% for row in lines %} … {% endfor %}."),
        ("{% for x in lines %}{{ x }}{% endfor %}", "x is a row: name one of its columns, name, pending, available, "),
        ("{% for x in lines %}{{ x.nam }}{% endfor %}", "A row has no nam; it has name, pending, available, owed, "),
        ("{% for x in owes %}{% endfor %}", "Line 1: for goes through lines and nothing else, once."),
    ],
)
def test_it_is_said_what_is_wrong_with_a_table(source: str, sentence: str) -> None:
    assert (fault_of(source, Saying.STATEMENT_READY) or "").startswith(sentence)


@pytest.mark.parametrize(
    "source",
    [
        "<p style='color: red'>{{ name|upper }}</p>",
        "<img src='https://shop.example/logo.png' alt=''><br/><hr>",
        "<!-- <script> is only named here in a comment, which nobody reads -->".replace("<script>", "a > b")
        + "x < 3 & y",
        "<TABLE><tr><td bgcolor=red>x</td></tr></TABLE>",
        "{% if day == 'x' and not order or name != '' %}a{% else %}b{% endif %}{# a word to us #}",
        "{% raw %}{{ not ours }}{% endraw %}",
        "<a href='{{ shop_url }}'>{{ shop }}</a>",
    ],
)
def test_what_a_shop_would_want_to_write_is_taken(source: str) -> None:
    assert fault_of(source) is None


def test_the_frame_may_have_style_and_every_mail_gets_it() -> None:
    ours = default_template(FRAME, "en")
    frame = replace(ours, html="<style>h2 { color: #123456 } .button { background: red }</style>" + ours.html)
    assert check(FRAME, "en", frame.subject, frame.html, frame.text) == []
    html = write(example_letter(Saying.EARNED, "en"), SENDER, own_templates([frame])).html
    assert re.search(r"<h2 style=\"[^\"]*#123456", html)
    long = replace(ours, html="<style>" + "p { color: red } " * 300 + "</style>" + ours.html)
    [fault] = check(FRAME, "en", long.subject, long.html, long.text)
    assert fault.sentence == "There is too much style: 4000 characters at most."


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ("<style></STYLE >{}</style>", "</style> comes too early"),
        ("<style></style\n>{}</style>", "</style> comes too early"),
        ("<style.x>{}</style>", "cannot be read"),
        ("<!-->{}-->", "cannot be read"),
    ],
)
def test_no_element_is_hidden_from_who_counts_them(hidden: str, said: str) -> None:
    # Sixteen thousand in each other end the process that writes style to them.
    with pytest.raises(TemplateFault, match=said):
        read_strictly(hidden.format("<i>" * 50), has_style=True)


def test_style_that_becomes_too_long_on_all_its_elements_is_not_taken() -> None:
    ours = default_template(FRAME, "en")
    style = "<style>* { font-family: " + "x" * 3_900 + " }</style>"
    frame = replace(ours, html=style + "<b></b>" * 1_000 + ours.html)
    [fault] = check(FRAME, "en", frame.subject, frame.html, frame.text)
    assert fault.sentence == "What comes out of it is too long: 1000000 characters at most."
    written = write(example_letter(Saying.EARNED, "en"), SENDER, own_templates([frame]))
    assert (written.broken, len(written.html) < 20_000) == ((FRAME,), True)


ELEMENTS = ("a", "b", "i", "p", "div", "table", "tr", "td", "ul", "li", "h1", "font", "center")
NESTED = st.recursive(
    st.just("x"),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", st.sampled_from(ELEMENTS), st.lists(inner)
    ),
    max_leaves=30,
)


@given(NESTED, st.integers(1, 40))
def test_what_is_read_strictly_is_not_much_deeper_to_whoever_forgives(html: str, times: int) -> None:
    with suppress(TemplateFault):
        read_strictly(html * times, has_style=False)
        page = make_document("s", "p", html * times, "en")
        # What comes out is written strictly, so that its depth can be counted.
        depths = list(accumulate(1 if each[1] != "/" else -1 for each in re.findall(r"</?(?!meta|!)[a-z]+", page)))
        assert max(depths) < 300


@pytest.mark.parametrize("missing", ["sections", "stop_url"])
def test_nobody_leaves_out_the_news_or_the_way_to_stop_it(missing: str) -> None:
    ours = default_template(FRAME, "en")
    for part in ("html", "text"):
        changed = replace(ours, **{part: getattr(ours, part).replace("{{ " + missing + " }}", "")})
        [fault] = check(FRAME, "en", changed.subject, changed.html, changed.text)
        assert (fault.part, fault.sentence.startswith(f"Leave {{{{ {missing} }}}} in")) == (part, True)
    # For some it is not enough.
    some = replace(ours, text="{% if name %}{{ stop_url }}{{ sections }}{% endif %}x")
    assert [fault.part for fault in check(FRAME, "en", some.subject, some.html, some.text)] == ["text"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_variable_has_a_meaning_and_an_example_that_is_shown(name: str) -> None:
    listed = list_variables(name, "de")
    names = names_of(name, "html")
    assert [variable.name for variable in listed] == [*names.variables, *names.tables]
    assert all(variable.meaning == meaning_of(name, variable.name) for variable in listed)
    around = "{{ sections }}{{ stop_url }}" if name == FRAME else ""
    for variable in names.variables:
        assert fault_of(f"x{{{{ {variable} }}}}{around}", name) is None
    assert {variable.name: variable.example for variable in listed}["name"] == "Maria Muster"


def test_examples_are_written_as_the_language_writes_them() -> None:
    examples = {variable.name: variable.example for variable in list_variables(Saying.EARNED, "de")}
    assert (examples["amount"], examples["day"]) == ("3,00\u00a0€", "17. März 2027")
    assert list_variables(Saying.STATEMENT_READY, "en")[-1].example.startswith("Earned with orders · €8.75")


def test_a_draft_is_seen_in_the_shop_s_own_frame() -> None:
    frame = replace(default_template(FRAME, "en"), html="<h1>Mine</h1>{{ sections }}{{ stop_url }}")
    draft = OwnTemplate("earned", "en", "Draft {{ amount }}", "<p>My {{ amount }}</p>", "My {{ amount }}")
    seen = preview(draft, own_templates([frame]))
    assert seen.subject == "Draft €3.00"
    assert seen.error is None
    assert "Mine</h1>" in seen.html
    assert "My €3.00</p>" in seen.html
    broken = preview(replace(draft, html="{{ nam }}"), own_templates([frame]))
    assert broken.broken == ("earned",)
    assert "Mine</h1>" in broken.html
