"""What a shop may choose about telling its customers and its merchant, and what is wrong with a choice."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from app.engine.rules.messages import Saying, Stage
from app.sentences import Sentence, marked, say

#: Least and most of each, as the table checks, too.
CAP_PER_RUN = (1, 1_000_000)
PER_MINUTE = (1, 60_000)
KEEP_DAYS = (1, 365)
REMIND_DAYS = (1, 365)
#: The longest limit of a stage is thirty days, in seconds; 0: it may take as long as it likes.
STAGE_SECONDS = (0, 30 * 86_400)
MOST_TIMES = 24
MOST_REMINDERS = 5
MOST_ADDRESSES = 10
LONGEST_NAME = 80
LONGEST_ADDRESS = 254
LONGEST_URL = 2_000
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
#: Enough to find what was mistyped; whether it takes mails only a mail can tell. Nothing that could break a header.
_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
#: What a machine calls itself.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Teller(StrEnum):
    """Who tells customers about their cashback; never two at once."""

    US = "us"
    SHOPIFY = "shopify"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Telling:
    """How customers are told. Times are ``HH:MM`` of the shop's day; ``MailSettings`` says what each means."""

    teller: Teller
    digest_times: tuple[str, ...] = ("09:00", "13:00", "18:00")
    quiet_from: str = "21:00"
    quiet_to: str = "08:00"
    switched_off: tuple[str, ...] = ()
    remind_days: tuple[int, ...] = (30, 7)
    cap_per_run: int = 50_000
    per_minute: int = 600
    sender_name: str = ""
    reply_to: str = ""
    language: str = "en"
    keep_days: int = 90


@dataclass(frozen=True, slots=True)
class Alerting:
    """How the merchant is told. ``stage_limits`` is in seconds, by ``Stage``; what is not named has ours, 0 none."""

    alert_addresses: tuple[str, ...] = ()
    alert_url: str = ""
    summary_time: str = ""
    stage_limits: Mapping[str, int] = field(default_factory=dict)


def hide_path(url: str) -> str:
    """Return scheme and host of an address: the rest of it may be a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…" if parts.netloc else url


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a field that takes several, with commas, semicolons or blanks between; each once."""
    return tuple(dict.fromkeys(word for word in re.split(r"[\s,;]+", text) if word))


def read_times(text: str) -> tuple[str, ...]:
    """Return the times of day in a field, in the order of the day: "18:00, 9:00" → 09:00 and 18:00."""
    return tuple(sorted({read_time(word) for word in split_words(text)}))


def read_time(text: str) -> str:
    """Return a time of day with two digits for its hour; what is no time stays as it is and is refused later."""
    text = text.strip()
    return f"0{text}" if re.fullmatch(r"[0-9]:[0-5][0-9]", text) else text


def is_address(text: str) -> bool:
    """Say whether a text looks like the address of one mailbox."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def is_quiet_at(time: str, quiet_from: str, quiet_to: str) -> bool:
    """Say whether a moment of the day lies in the quiet hours, which may go over midnight; equal ends: there are none.

    Texts of the form ``HH:MM`` lie in the order of the day.
    """
    if quiet_from <= quiet_to:
        return quiet_from <= time < quiet_to
    return time >= quiet_from or time < quiet_to


def check_telling(wanted: Telling, languages: tuple[str, ...]) -> dict[str, Sentence]:
    """Return what is wrong, a sentence by field; nothing where all can be taken."""
    return _first(
        ("digest_times", _times_wrong(wanted.digest_times)),
        ("quiet_from", _time_wrong(wanted.quiet_from)),
        ("quiet_to", _time_wrong(wanted.quiet_to)),
        ("digest_times", _quiet_wrong(wanted)),
        ("switched_off", None if set(wanted.switched_off) <= set(Saying) else say(_UNKNOWN)),
        ("remind_days", _reminders_wrong(wanted.remind_days)),
        ("cap_per_run", _range_wrong(wanted.cap_per_run, CAP_PER_RUN)),
        ("per_minute", _range_wrong(wanted.per_minute, PER_MINUTE)),
        ("sender_name", _name_wrong(wanted.sender_name)),
        ("reply_to", _address_wrong(wanted.reply_to) if wanted.reply_to else None),
        ("language", None if wanted.language in languages else say(_UNKNOWN)),
        ("keep_days", _range_wrong(wanted.keep_days, KEEP_DAYS)),
    )


def check_alerting(wanted: Alerting, *, is_local: bool) -> dict[str, Sentence]:
    """Return what is wrong, a sentence by field. An installation for trying out may tell its own machine."""
    addresses = next((wrong for one in wanted.alert_addresses if (wrong := _address_wrong(one))), None)
    if len(wanted.alert_addresses) > MOST_ADDRESSES:
        addresses = say(marked("Write {most} addresses at most."), most=MOST_ADDRESSES)
    limits = [_range_wrong(number, STAGE_SECONDS) for number in wanted.stage_limits.values()]
    if not set(wanted.stage_limits) <= set(Stage):
        limits = [say(_UNKNOWN)]
    return _first(
        ("alert_addresses", addresses),
        ("alert_url", _url_wrong(wanted.alert_url, is_local=is_local) if wanted.alert_url else None),
        ("summary_time", _time_wrong(wanted.summary_time) if wanted.summary_time else None),
        ("stage_limits", next((wrong for wrong in limits if wrong), None)),
    )


_UNKNOWN = marked("Choose something of the list.")


def _first(*found: tuple[str, Sentence | None]) -> dict[str, Sentence]:
    """Return the first sentence of each field."""
    wrong: dict[str, Sentence] = {}
    for name, sentence in found:
        if sentence is not None:
            wrong.setdefault(name, sentence)
    return wrong


def _time_wrong(text: str) -> Sentence | None:
    if _TIME.fullmatch(text):
        return None
    return say(marked("{text} is no time of day; write it like 09:00 or 18:30."), text=repr(text[:20]))


def _times_wrong(times: tuple[str, ...]) -> Sentence | None:
    if len(times) > MOST_TIMES:
        return say(marked("Write {most} times at most."), most=MOST_TIMES)
    return next((wrong for one in times if (wrong := _time_wrong(one))), None)


def _quiet_wrong(wanted: Telling) -> Sentence | None:
    for time in wanted.digest_times:
        if is_quiet_at(time, wanted.quiet_from, wanted.quiet_to):
            told = {"time": time, "begin": wanted.quiet_from, "end": wanted.quiet_to}
            return say(marked("{time} lies in the quiet hours, from {begin} to {end}; choose another time."), **told)
    return None


def _reminders_wrong(days: tuple[int, ...]) -> Sentence | None:
    if len(days) > MOST_REMINDERS:
        return say(marked("Write {most} days at most."), most=MOST_REMINDERS)
    return next((wrong for one in days if (wrong := _range_wrong(one, REMIND_DAYS))), None)


def _range_wrong(number: int, within: tuple[int, int]) -> Sentence | None:
    least, most = within
    if least <= number <= most:
        return None
    return say(marked("{number} is outside of {least} to {most}."), number=number, least=least, most=most)


def _name_wrong(name: str) -> Sentence | None:
    if len(name) <= LONGEST_NAME and name.isprintable():
        return None
    return say(marked("Write a name of one line, of {most} characters at most."), most=LONGEST_NAME)


def _address_wrong(text: str) -> Sentence | None:
    if is_address(text):
        return None
    return say(marked("{text} is no mail address; write it like name@example.com."), text=repr(text[:60]))


def _url_wrong(text: str, *, is_local: bool) -> Sentence | None:
    wrong = say(marked("Write a whole address that begins with https://, without a name and password in it."))
    if len(text) > LONGEST_URL or not text.isprintable() or " " in text:
        return wrong
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return wrong
    if not host or parts.username is not None or parts.password is not None:
        return wrong
    is_own = is_local and parts.scheme == "http" and host in LOOPBACK_HOSTS
    return None if parts.scheme == "https" or is_own else wrong
