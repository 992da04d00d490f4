"""Bundles whose manifest.json says something else: other values, other structure, or no JSON at all."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from random import Random
from typing import Any

from .cases import Case
from .mutate import damage, hostile, like
from .uses import use


def attack(case: Case) -> str:
    import adr_runtime

    random = case.random
    name = random.choice(list(case.seeds.bundles))
    folder = copy_bundle(case.seeds.bundles[name], case.work / "bundle")
    path = random.choice(sorted(folder.rglob("manifest.json")))
    text = path.read_text()
    if random.random() < 0.2:
        path.write_bytes(damage(random, text.encode()))
        what = "bytes"
        seal_nested(folder, path)
    elif random.random() < 0.1:
        what = damage_folder(random, folder, case.folder)
    else:
        values = json.loads(text)
        done = [edit(random, values) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        path.write_bytes(respell(random, json.dumps(values)))
        what = "; ".join(done)
        seal_nested(folder, path)
    use(adr_runtime.load(folder, "cpu"), random)
    return f"{name} {path.relative_to(folder)}: {what}"


def copy_bundle(source: Path, folder: Path) -> Path:
    """The files of a bundle and of the one inside it, without cards and vectors."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("README.md", "vectors.json"))
    return folder


def seal_nested(folder: Path, path: Path) -> None:
    """Where `path` is the manifest inside a voice's bundle, its size and hash in the outer one."""
    if path.parent != folder:
        data, outer = path.read_bytes(), folder / "manifest.json"
        values = json.loads(outer.read_text())
        values["spoken_text"].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        outer.write_text(json.dumps(values))


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value in a tree of lists and dictionaries, long lists by their ends alone."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
        pairs = pairs[:3] + pairs[-1:] if len(pairs) > 4 else pairs
    else:
        return []
    return [(value, key) for key, _ in pairs] + [place for _, inner in pairs for place in places(inner)]


def edit(random: Random, values: Any) -> str:
    """One change of a parsed manifest, in place."""
    found = places(values)
    if not found:
        return "nothing"
    holder, key = random.choice(found)
    how = random.choice(("like", "like", "like", "hostile", "delete", "add", "swap", "copy"))
    if how == "like":
        holder[key] = like(random, holder[key])
    elif how == "hostile":
        holder[key] = hostile(random)
    elif how == "delete":
        del holder[key]
    elif how == "add" and isinstance(holder, dict):
        holder[random.choice(("x", "", "schema_version ", "__class__", "\ud800", key + "x"))] = hostile(random)
    elif how == "swap":
        other, place = random.choice(found)
        holder[key], other[place] = other[place], holder[key]
    elif isinstance(holder, list):
        holder.extend([holder[key]] * random.choice((1, 1000)))
    return f"{how} {key}"


def respell(random: Random, text: str) -> bytes:
    """Now and then, JSON that says the same in another way, or says it twice."""
    how = random.randrange(24)
    if how == 0:
        text = "[" * random.choice((50, 5000, 200_000)) + text
    elif how == 1:
        key = random.choice(re.findall(r'"\w+"(?=:)', text) or ['"x"'])
        text = text.replace("{", "{" + f"{key}: 1, ", 1)
    elif how == 2:
        text = "{" + ", ".join(f'"k{i}": {i}' for i in range(20_000)) + ', "k1": 1}'
    elif how == 3:
        text = re.sub(r": (\d+)", lambda m: ": " + m[1] * random.choice((400, 5000)), text, count=1)
    elif how == 4:
        text = text.replace(": 1", ": 1e999", 1)
    elif how == 5:
        return text.encode("utf-16")
    elif how == 6:
        text = "\ufeff" + text
    elif how == 7:
        return text.encode().replace(b'"description": "', b'"description": "\xff\xfe', 1)
    elif how == 8:
        text += " " * (5 << 20)
    return text.encode("utf-8", "replace")


def damage_folder(random: Random, folder: Path, outside: Path) -> str:
    """Files that are not what they seem: links, folders, pipes, nothing."""
    path = random.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    how = random.choice(("loop", "out", "folder", "pipe", "missing", "empty", "cut"))
    data = path.read_bytes()
    path.unlink()
    if how == "loop":
        path.symlink_to(path.name)
    elif how == "out":
        (outside / "outside").write_bytes(data)
        path.symlink_to(outside / "outside")
    elif how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how != "missing":
        path.write_bytes(data[: len(data) // 2] if how == "cut" else b"")
    return f"{path.name}: {how}"
