"""A chain: recipes that are trained one after the other, as those of a codec and of the model of its latents."""

from dataclasses import dataclass, replace
from pathlib import Path

from adr_train.errors import TrainError
from adr_train.recipes.recipe import Recipe, of_size, read_recipe, read_yaml

KIND = "chain"


@dataclass(frozen=True)
class Chain:
    """`parts` have the minutes that the chain gives them; each builds on none, or on earlier ones."""

    name: str
    size: str
    description: str
    parts: tuple[Recipe, ...]

    @property
    def dataset(self) -> str:
        return self.parts[0].dataset

    @property
    def minutes(self) -> float:
        return sum(part.minutes for part in self.parts)

    def within(self, minutes: float) -> "Chain":
        """The same chain in so many minutes, which its parts share as they did before."""
        scale = minutes / self.minutes
        parts = (replace(part, train=replace(part.train, minutes=part.minutes * scale)) for part in self.parts)
        return replace(self, parts=tuple(parts))


def read_chain(name: str, size: str) -> Chain | None:
    """A shipped chain by name, or any by its path ending in .yaml, which names recipes of its own by their paths from
    its folder; None where the recipe is no chain. Raises TrainError."""
    path, values = read_yaml(name)
    if values.get("kind") != KIND:
        return None
    merged = of_size(path, values, size)
    try:
        parts = tuple(read_part(path, part["recipe"], float(part["minutes"]), size) for part in merged["parts"])
        chain = Chain(path.stem, size, str(merged["description"]), parts)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TrainError(f"{path}: not a chain: {error!r}") from error
    check_order(path, chain)
    return chain


def read_part(path: Path, name: str, minutes: float, size: str) -> Recipe:
    if not minutes > 0:
        raise ValueError(f"{name} has {minutes:g} minutes")
    recipe = read_recipe(str(path.parent / name) if name.endswith((".yaml", ".yml")) else name, size)
    return replace(recipe, train=replace(recipe.train, minutes=minutes, steps=None))


def check_order(path: Path, chain: Chain) -> None:
    """Every part has the data of the others, a name of its own, and what it builds upon before it."""
    if not chain.parts:
        raise TrainError(f"{path}: a chain of no parts")
    before = set[str]()
    for part in chain.parts:
        missing = {part.tokens, part.teacher} - {None} - before
        if missing:
            raise TrainError(f"{path}: {part.name} builds on {missing.pop()}, which is no part before it")
        if part.name in before:
            raise TrainError(f"{path}: {part.name} stands there twice")
        if part.dataset != chain.dataset:
            raise TrainError(f"{path}: its parts take different data, {chain.dataset} and {part.dataset}")
        before.add(part.name)
