"""How far pronunciations are from those of a dictionary."""

from collections.abc import Sequence


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """The fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (left != right))
    return row[-1]


def without_stress(phones: Sequence[str]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in phones)


def error_rates(said: Sequence[Sequence[str]], known: Sequence[Sequence[Sequence[str]]]) -> tuple[float, float]:
    """Phone errors for each phone of the dictionary, and the part of words with any, where each word is held against
    the nearest of its known pronunciations."""
    wrong = phones = words = 0
    for answer, ways in zip(said, known, strict=True):
        distance, length = min((edit_distance(answer, way), len(way)) for way in ways)
        wrong, phones, words = wrong + distance, phones + length, words + (distance > 0)
    return wrong / phones, words / len(said)
