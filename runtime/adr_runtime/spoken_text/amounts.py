"""Money and units as words."""

import re

from adr_runtime.spoken_text.numbers import cardinal

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+"
# sign or code -> one, several, a hundredth, hundredths
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}  # fmt: skip
CODES = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹"}
SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion",
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion",
}  # fmt: skip
MONEY = re.compile(rf"(?<!\w)([$£€¥₹])\s?({NUMBER})(?:\s?({'|'.join(SCALES)})\b)?(?!\d)", re.I)
MONEY_CODE = re.compile(rf"(?<![\w.])({NUMBER})\s?(USD|GBP|EUR|JPY|INR|[£€¥₹])(?!\w)")
# unit -> one, several
UNITS = {
    "km": ("kilometre", "kilometres"), "m": ("metre", "metres"), "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"), "μm": ("micrometer", "micrometers"), "nm": ("nanometer", "nanometers"),
    "mi": ("mile", "miles"), "yd": ("yard", "yards"), "ft": ("foot", "feet"), "in": ("inch", "inches"),
    "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "l": ("liter", "liters"),
    "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"), "s": ("second", "seconds"),
    "sec": ("second", "seconds"), "ms": ("millisecond", "milliseconds"), "min": ("minute", "minutes"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
    "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"), "mph": ("mile per hour", "miles per hour"), "ha": ("hectare", "hectares"),
    "km/h": ("kilometre per hour", "kilometres per hour"), "m/s": ("metre per second", "metres per second"),
    "m^2": ("square metre", "square metres"), "km^2": ("square kilometre", "square kilometres"),
    "m^3": ("cubic metre", "cubic metres"), "cm^3": ("cubic centimetre", "cubic centimetres"),
    "%": ("percent", "percent"), "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"), "°": ("degree", "degrees"),
    "dB": ("decibel", "decibels"), "fps": ("frame per second", "frames per second"),
}  # fmt: skip
LONGEST_FIRST = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
QUANTITY = re.compile(rf"(?<![\w.])(-?(?:{NUMBER}))(\s?|-)({LONGEST_FIRST})(?![\w/^])")
# Words in their own right, which mean a unit only where nothing or a hyphen is between the number and them.
WORDS = frozenset({"in"})


def expand_money(text: str) -> str:
    """$5.20, 5 EUR and $3 million as words."""
    text = MONEY.sub(lambda m: money(m[1], m[2], m[3] or ""), text)
    return MONEY_CODE.sub(lambda m: money(CODES.get(m[2], m[2]), m[1], ""), text)


def money(sign: str, amount: str, scale: str) -> str:
    one, several, hundredth, hundredths = CURRENCIES[sign]
    if scale:
        return f" {cardinal(amount)} {SCALES[scale.lower()]} {several} "
    whole, _, part = amount.replace(",", "").partition(".")
    if len(part) != 2 or not hundredth:
        return f" {cardinal(amount)} {one if amount == '1' else several} "
    said = [f"{cardinal(whole)} {one if whole == '1' else several}"] if whole.strip("0") else []
    if part != "00":
        said.append(f"{cardinal(str(int(part)))} {hundredth if part == '01' else hundredths}")
    return f" {' and '.join(said) or f'zero {several}'} "


def expand_units(text: str) -> str:
    """200 m, 5%, 20 °C and 5 km/h as words."""

    def expand(match: re.Match[str]) -> str:
        number, space, unit = match[1], match[2], match[3]
        if unit in WORDS and not space.strip() and space:
            return match[0]
        # A five-mile walk takes the singular.
        one = number in ("1", "-1") or space == "-"
        return f"{cardinal(number)} {UNITS[unit][0 if one else 1]}"

    return QUANTITY.sub(expand, text)
