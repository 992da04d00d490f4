"""What adr-eval does with any-order models: bits per dimension at each budget, beside a causal baseline."""

from pathlib import Path
from typing import Any

from adr_runtime import AnyOrderModel
from adr_runtime.terminal.display import PlainConsole

from adr_train.data.splits import call_seed
from adr_train.errors import TrainError
from adr_train.evaluation import likelihood
from adr_train.evaluation.quality import record_rows
from adr_train.evaluation.table import Rows, print_rows
from adr_train.recipes.recipe import dataset_of

console = PlainConsole(stderr=True)

# Random steps a sequence for the estimate at full steps.
DRAWS = 16


def evaluate_any_order(
    model: AnyOrderModel, dataset: str | None, data: Path | None, split: str, budgets: str, count: int,
    causal: Path | None, seed: int, write: bool, as_json: bool,
) -> None:  # fmt: skip
    dataset = dataset or dataset_of(str(model.manifest.training.get("recipe")))
    budget_names = budgets.split(",") if budgets else ["full", str(model.manifest.defaults.steps)]
    if not all(k == "full" or (k.isascii() and k.isdigit()) for k in budget_names):
        raise TrainError(f"--budgets {budgets!r}: expected numbers of network calls or full, as full,250,50,20")
    values = likelihood.held_out_values(model.variables, dataset, data, split, count, seed)
    drawn = call_seed(split, seed)
    rows: Rows = {}
    for budget in budget_names:
        if budget == "full":
            rows["full"] = likelihood.measure_full(model, values, DRAWS, drawn)
        else:
            rows[budget] = likelihood.measure(model, values, int(budget), drawn)
        console.print(f"{budget}: {rows[budget]['bits_per_dimension']:.4f} bits per dimension")
    if causal:
        rows["causal"] = likelihood.measure_causal(causal, dataset, data, split, count, seed)
    settings: dict[str, Any] = {"sequences": len(values), "dimensions": model.variables.dimensions, "seed": seed}
    if "full" in budget_names:
        settings["random_steps_for_full"] = DRAWS
    if write:
        record_rows(model, rows, {"split": split, **settings})
    print_rows(model, split, settings, rows, as_json)
