"""A bundle to the Hugging Face hub, with huggingface_hub's own settings: one commit that holds all of it or nothing."""

import sys
from pathlib import Path

from adr_runtime import __version__
from adr_runtime.bundles.card import hub_card, model_card
from adr_runtime.bundles.hub import HubName, import_hub, is_bundle_file, refuse
from adr_runtime.errors import DISTRIBUTION
from adr_runtime.loading import open_bundle
from adr_runtime.spoken_text.manifest import NESTED
from adr_runtime.vectors import VECTORS, read_vectors

from adr_export.errors import ExportError


def check_push(repository: str) -> HubName:
    """What can be known before there is anything to push. Raises ADRError."""
    name = HubName.parse(repository)
    if name.revision:
        raise ExportError(f"--push {repository}: a bundle goes to the main branch; leave @{name.revision} out")
    if not import_hub().get_token():
        raise ExportError("--push needs a token that may write: hf auth login, or HF_TOKEN")
    return name


def push_bundle(folder: Path, name: HubName, private: bool) -> str:
    """Verify a bundle, make the repository unless it is there, and commit manifest, graphs, test vectors and card.
    -> the repository's address. What else the repository holds stays as it is. Raises ADRError."""
    bundle = open_bundle(folder)
    manifest = bundle.manifest
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else model_card(manifest)
    files: dict[str, str | bytes] = {"README.md": hub_card(manifest, text, str(name)).encode()}
    vectors = [VECTORS] * (folder / VECTORS).is_file()
    if vectors:
        # Those of another manifest would fail everybody's adr-run doctor.
        read_vectors(bundle)
    within = (folder / NESTED).parent if getattr(manifest, "spoken_text", None) else None
    names = [f"{within.name}/{path.name}" for path in sorted(within.iterdir())] if within else []
    nested = [name for name in names if is_bundle_file(name)]
    for file in ("manifest.json", *vectors, *(graph.file for graph in manifest.graphs.values()), *nested):
        files[file] = str(folder / file)
    hub = import_hub()
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        # Bars of uploads would be shown to files too.
        disable_progress_bars()
    try:
        api = hub.HfApi(library_name=DISTRIBUTION, library_version=__version__)
        address = str(api.create_repo(name.repository, private=private or None, exist_ok=True))
        if private and not api.model_info(name.repository).private:
            raise ExportError(f"{address} is there already, and public; make it private first, or leave --private out")
        operations = [hub.CommitOperationAdd(file, data) for file, data in files.items()]
        message = f"{manifest.name}, by {DISTRIBUTION} {__version__}"
        api.create_commit(name.repository, operations, commit_message=message)
    except Exception as error:
        refuse(error, f"--push {name.repository}")
    return address
