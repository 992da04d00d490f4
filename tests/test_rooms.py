"""The map of CONTRIBUTING.md: imports point one way, nothing imports in a circle, modules and functions stay small."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"adr_models": "models", "adr_train": "train", "adr_export": "export", "adr_runtime": "runtime"}
# Each room, or module at the root, may import those to its left, and its own.
ORDER = {
    "adr_runtime": (
        ("errors",), ("limits",), ("philox",), ("terminal",), ("bundles",), ("inference",), ("media",),
        ("spoken_text",), ("causal", "any_order"), ("masked",), ("loading",), ("vectors",), ("self_test",),
        ("coding", "serving"), ("cli",), ("__main__",),
    ),
    "adr_models": (
        ("config", "training"), ("mixers",), ("tokens",), ("causal",), ("any_order",), ("masked",), ("spoken_text",),
        ("bundle_weights", "checkpoint"),
    ),
    "adr_train": (
        ("errors", "waiting"), ("keeping",), ("data",), ("recipes",), ("checkpoint", "precision", "processes"),
        ("muon",), ("optimizers",), ("loop",), ("monitor",), ("tasks",), ("evaluation",), ("provenance", "reports"),
        ("session",), ("chain",), ("cli",), ("__main__",),
    ),
}  # fmt: skip
# Who may import which other package.
OTHERS = {
    "adr_runtime": set(), "adr_models": {"adr_runtime"}, "adr_train": {"adr_models", "adr_runtime"},
    "adr_export": {"adr_models", "adr_runtime"},
}  # fmt: skip
LINES, FUNCTION_LINES = 250, 50


def modules(package: str) -> Iterator[tuple[str, ast.Module, str]]:
    """Dotted name within the package, syntax tree and text of each module."""
    folder = ROOT / PACKAGES[package] / package
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        yield ("__init__" if name == "" else name), ast.parse(path.read_text()), path.read_text()


def imported(package: str, tree: ast.Module) -> Iterator[str]:
    """What a module imports, anywhere in it, with the package's name before it."""
    folder = ROOT / PACKAGES[package]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "imports are absolute"
            # `from package.room import module` imports a module.
            whole = (folder / node.module.replace(".", "/")).is_dir()
            yield from (f"{node.module}.{alias.name}" if whole else node.module for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package):
    for name, tree, _ in modules(package):
        foreign = {target.partition(".")[0] for target in imported(package, tree)} & set(PACKAGES) - {package}
        assert foreign <= OTHERS[package], f"{package}.{name} imports {foreign}"


@pytest.mark.parametrize("package", ORDER)
def test_rooms_import_one_way(package):
    rank = {room: place for place, rooms in enumerate(ORDER[package]) for room in rooms}
    for name, tree, _ in modules(package):
        room = name.partition(".")[0]
        if name == "__init__":
            continue
        assert room in rank, f"{package}.{name}: {room} is not on the map"
        for target in imported(package, tree):
            other = target.removeprefix(f"{package}.").partition(".")[0]
            if target.startswith(f"{package}.") and other in rank and other != room:
                assert rank[other] < rank[room], f"{package}.{name} imports {target}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_on_the_map(package):
    """In the section of CONTRIBUTING.md that is about its package, by its own name."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition(f"### `{PACKAGES[package]}/{package}`")[2].partition("\n### ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    folder = ROOT / PACKAGES[package] / package
    names = {name for name, _, _ in modules(package) if (folder / f"{name.replace('.', '/')}.py").is_file()}
    missing = {name for name in names if not name.startswith("__") and name.rpartition(".")[2] not in named}
    assert not missing, f"{package}: {sorted(missing)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_one_that_imports_it(package):
    trees = {f"{package}.{name}": tree for name, tree, _ in modules(package)}
    edges = {name: {t for t in imported(package, tree) if t in trees} for name, tree in trees.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_and_functions_are_small(package):
    for name, tree, text in modules(package):
        assert len(text.splitlines()) <= LINES, f"{package}.{name} has {len(text.splitlines())} lines"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = length(node)
                assert size <= FUNCTION_LINES, f"{package}.{name}.{node.name} has {size} lines"


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body behind its docstring: a command's options and what is said of them do not count."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
