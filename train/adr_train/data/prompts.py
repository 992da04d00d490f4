"""Sentences as machines say them: directions, times, weather, messages, numbers. Books have few of these."""

from collections.abc import Iterator

import numpy as np

TURNS = ("turn left", "turn right", "keep left", "keep right", "make a U-turn", "continue straight on", "take the exit")
STREETS = ("Station Road", "Church Street", "the High Street", "Mill Lane", "Park Avenue", "the A40", "Victoria Road",
           "the bridge", "King's Road", "the second roundabout", "Green Lane", "Queen Street")  # fmt: skip
NAMES = ("Anna", "Thomas", "Olivia", "James", "Sophie", "Daniel", "Maria", "Peter", "Laura", "Henry", "Grace", "Samuel")
PLACES = ("London", "Paris", "Oxford", "Bristol", "New York", "Chicago", "Berlin", "Cambridge", "Dublin", "Boston")
SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy", "clear", "stormy", "mostly dry", "cold and bright")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "tomorrow")
THINGS = ("door", "window", "battery", "kettle", "garage", "heating", "lamp in the kitchen", "washing machine", "alarm")
STATES = ("open", "closed", "low", "on", "off", "ready", "too warm", "unlocked", "not working", "finished")
UNITS = ("metres", "kilometres", "miles", "feet", "yards")
TEMPLATES = (
    "{Turn} in {n} {unit}.", "In {n} {unit}, {turn} onto {street}.", "{Turn} at {street}, then {turn} in {n} {unit}.",
    "You have arrived at {street}.", "The train to {place} leaves at {hour}:{minute} from platform {small}.",
    "It is {hour}:{minute} in {place}.", "{Day} will be {sky} in {place}, with {small} degrees.",
    "{name} sent you {small} messages.", "Shall I call {name} back?", "The {thing} is {state}.",
    "The {thing} has been {state} for {small} minutes, {name}.", "Is the {thing} {state}?", "Please check the {thing}!",
    "Your code is {digit} {digit} {digit} {digit}.", "You have {small} new emails and {digit} missed calls.",
    "The meeting with {name} and {name} is on {day} at {hour}:{minute}.", "Timer set for {small} minutes.",
    "The price is {n} pounds and {small} pence.", "Warning: the {thing} is {state}!", "What can I do for you, {name}?",
    "I did not understand that.", "{n} plus {small} is not {n}.", "There is {sky} weather in {place} on {day}.",
    "In {small} minutes, {turn}, {name}.", "Flight {n} to {place} is delayed by {small} minutes.",
)  # fmt: skip


def prompts(count: int, seed: int = 0) -> Iterator[str]:
    """So many sentences by the seed, of which some may be equal."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield fill(str(random.choice(TEMPLATES)), random)


def fill(template: str, random: np.random.Generator) -> str:
    lists = {"turn": TURNS, "street": STREETS, "name": NAMES, "place": PLACES, "sky": SKIES, "day": DAYS,
             "thing": THINGS, "state": STATES, "unit": UNITS}  # fmt: skip
    numbers = {"n": (1, 1000), "small": (2, 60), "digit": (0, 10), "hour": (1, 13), "minute": (10, 60)}
    before, *parts = template.split("{")
    filled = before
    for part in parts:
        slot, _, after = part.partition("}")
        if slot in numbers:
            filled += str(random.integers(*numbers[slot]))
        else:
            word = str(random.choice(lists[slot.lower()]))
            filled += word[0].upper() + word[1:] if slot[0].isupper() else word
        filled += after
    return filled
