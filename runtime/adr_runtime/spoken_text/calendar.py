"""Dates and times as words. The letters of a.m. and p.m. come as `adr_runtime.spoken_text.normalise` marks them."""

import re

from adr_runtime.spoken_text.numbers import cardinal, ordinal, plural, year

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
NAMES = {name: name for name in MONTHS} | {name[:3]: name for name in MONTHS} | {"sept": "september"}
MONTH = rf"({'|'.join(sorted(NAMES, key=len, reverse=True))})\.?"
YEAR = r"(1[0-9]\d\d|20\d\d)"
ISO_DATE = re.compile(r"(?<![\w/-])(\d{4})-(\d\d)-(\d\d)(?![\w-])")
SLASHED = re.compile(r"(?<![\w/.])(\d{1,2})([/.])(\d{1,2})\2(\d{4})(?![\w/])")
MONTH_DAY = re.compile(rf"\b{MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+{YEAR})?(?![\d:])", re.I)
DAY_MONTH = re.compile(rf"(?<![\d.,:/-])(\d{{1,2}})(?:st|nd|rd|th)?\s+{MONTH}\b(?:,?\s+{YEAR}\b)?", re.I)
MONTH_YEAR = re.compile(rf"\b{MONTH},?\s+{YEAR}\b(?!\s?[%°])", re.I)
DECADE = re.compile(r"(?<![\w'])(1\d|20)?'?(\d0)'?s\b")
# A number of four digits behind one of these is a year.
IN_YEAR = re.compile(
    rf"\b(in|since|of|from|until|till|before|after|by|year|circa|during|spring|summer|autumn|fall|winter|copyright)\s+"
    rf"{YEAR}(?:\s?-\s?{YEAR})?(?![\w%°$]|[.,:/-]\d|\s?(?:k?m|cm|mm|k?g|lbs?|ft|miles|met(?:er|re)s|people)\b)",
    re.I,
)
AFTER_NOON = r"(?:\s?([ap])\.?\s?m\b\.?)"
CLOCK = re.compile(rf"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:]){AFTER_NOON}?", re.I)
HOUR = re.compile(rf"(?<![\d:.,$])(1[0-2]|0?[1-9]){AFTER_NOON}", re.I)


def expand_dates(text: str) -> str:
    """2026-11-27, 27/11/2026, Nov 27th, 2026, 27 November and the 1990s as words. Where day and month may be either
    in numbers with strokes, the month comes first, as in America."""
    text = ISO_DATE.sub(lambda m: date(m[2], m[3], m[1]) or m[0], text)
    text = SLASHED.sub(slashed, text)
    text = MONTH_DAY.sub(lambda m: date(m[1], m[2], m[3] or "") or m[0], text)
    text = DAY_MONTH.sub(lambda m: day_first(m[1], m[2], m[3] or "") or m[0], text)
    text = MONTH_YEAR.sub(lambda m: f"{NAMES[m[1].lower()]} {year(m[2])}", text)
    text = DECADE.sub(lambda m: plural(year(m[1] + m[2]) if m[1] else cardinal(m[2])), text)
    return IN_YEAR.sub(lambda m: f"{m[1]} {year(m[2])}{f' to {year(m[3])}' if m[3] else ''}", text)


def slashed(match: re.Match[str]) -> str:
    first, second, of = match[1], match[3], match[4]
    # Points come with the day before the month.
    if int(first) > 12 or match[2] == ".":
        first, second = second, first
    return date(first, second, of) or match[0]


def month_of(text: str) -> str:
    """The name of a month by its number or name, "" for none."""
    if text.isdigit():
        return MONTHS[int(text) - 1] if 1 <= int(text) <= 12 else ""
    return NAMES[text.lower()]


def date(month: str, day: str, of: str) -> str:
    """As "november twenty seventh, twenty twenty six"; "" for no day of a year."""
    name = month_of(month)
    if not name or not 1 <= int(day) <= 31:
        return ""
    return f"{name} {ordinal(str(int(day)))}{f', {year(of)}' if of else ''}"


def day_first(day: str, month: str, of: str) -> str:
    # In "2 may be" it is no month.
    if not 1 <= int(day) <= 31 or month in ("may", "mar"):
        return ""
    return f"the {ordinal(str(int(day)))} of {month_of(month)}{f', {year(of)}' if of else ''}"


def expand_times(text: str) -> str:
    """14:30, 3:05 pm and 9 a.m. as words."""
    text = CLOCK.sub(lambda m: clock(m[1], m[2], m[3] or "", (m[4] or "").lower()), text)
    return HOUR.sub(lambda m: f"{cardinal(str(int(m[1])))} _{m[2].lower()} _m", text)


def clock(hour: str, minute: str, second: str, noon: str) -> str:
    behind = f" _{noon} _m" if noon else ""
    hours = cardinal(str(int(hour)))
    if minute == "00":
        said = hours + ("" if noon else (" o'clock" if 1 <= int(hour) <= 12 else " hundred hours"))
    else:
        said = f"{hours} {f'oh {cardinal(minute[1])}' if minute[0] == '0' else cardinal(minute)}"
    if second and second != "00":
        said += f" and {cardinal(str(int(second)))} second{'s' if second != '01' else ''}"
    return said + behind
