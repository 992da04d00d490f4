"""What `adr-eval --report` writes: one page to look at and listen to, with its files beside it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from adr_runtime import AudioModel
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.media.audio import write_audio
from adr_runtime.media.images import grid, visible_scale, write_picture
from adr_runtime.media.spectrogram import write_plot
from jinja2 import Environment, PackageLoader

from adr_train.data.types import AudioClips
from adr_train.errors import TrainError
from adr_train.evaluation.charts import draw_precision_recall, draw_sweep, swept
from adr_train.evaluation.classifiers import samples_of
from adr_train.evaluation.evaluator import Evaluator, LabelledModel, generate
from adr_train.evaluation.metrics import distances
from adr_train.evaluation.table import HEADINGS, Rows, cell

# Samples of a label in a sheet, and training samples shown beside one that was generated.
COLUMNS, NEAREST = 10, 5
# Settings whose samples are shown.
SHOWN = 6


@dataclass(frozen=True)
class Report:
    """A page about one run of adr-eval, in a folder that appears only when it is whole. `judged` has the first of the
    samples that were judged, of the labels in turn, by the names of the settings."""

    folder: Path
    evaluator: Evaluator
    model: LabelledModel
    judged: dict[str, list[np.ndarray]]

    def write(self, settings: dict[str, GenerationConfig], rows: Rows, about: dict[str, Any]) -> None:
        """Raises TrainError where the folder is there already or cannot be written."""
        check_folder(self.folder)
        temporary = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.part")
        try:
            temporary.mkdir(parents=True)
            page = self.page(temporary, settings, rows, about)
            (temporary / "index.html").write_text(page, encoding="utf-8")
            os.replace(temporary, self.folder)
        except OSError as error:
            raise TrainError(f"{self.folder}: cannot write the report: {error.strerror}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def page(self, folder: Path, settings: dict[str, GenerationConfig], rows: Rows, about: dict[str, Any]) -> str:
        """The HTML, and its files in the folder."""
        charts = {f"{axis}.svg": f"Quality against {axis}" for axis in swept(settings)}
        for axis in swept(settings):
            draw_sweep(folder / f"{axis}.svg", axis, settings, rows)
        draw_precision_recall(folder / "precision-recall.svg", rows)
        shown = dict(list(settings.items())[:SHOWN])
        sheets = {name: self.generated(folder, f"generated-{i}", name, shown[name]) for i, name in enumerate(shown)}
        real = self.real_samples()
        sheets[f"real {self.evaluator.split}"] = self.show(folder, "real", real, self.labels())
        names = [name for name in HEADINGS if any(name in row for row in rows.values())]
        table = {title: [cell(n, row) if n in row else "" for n in names] for title, row in rows.items()}
        environment = Environment(loader=PackageLoader("adr_train.evaluation", "."), autoescape=True)
        return environment.get_template("report.html").render(
            model=self.model, about=about, split=self.evaluator.split, names=names, headings=HEADINGS, table=table,
            charts=charts | {"precision-recall.svg": "Recall against precision"}, sheets=sheets,
            nearest=self.nearest(folder, *next(iter(settings.items()))), hidden=len(settings) - len(shown),
        )  # fmt: skip

    @property
    def sound(self) -> bool:
        return isinstance(self.model, AudioModel)

    def labels(self) -> np.ndarray:
        """The label of each sample of a sheet, row by row, int64."""
        return np.repeat(np.arange(len(self.model.labels)), 1 if self.sound else COLUMNS)

    def generated(self, folder: Path, file: str, name: str, setting: GenerationConfig) -> list[dict[str, str]]:
        """The first samples that were judged at a setting, a label after the other."""
        samples, labels = self.first(name, setting, len(self.labels()))
        order = np.argsort(labels, kind="stable")
        return self.show(folder, file, [samples[i] for i in order], labels[order])

    def first(self, name: str, setting: GenerationConfig, count: int) -> tuple[list[np.ndarray], np.ndarray]:
        """So many samples of a setting and their labels, those that were judged among them. They are made again only
        where fewer were judged than are shown."""
        samples = self.judged[name][:count]
        if len(samples) < count:
            samples = generate(self.model, count, setting, self.evaluator.split, real=self.evaluator.real)[0]
        return samples, np.arange(count) % len(self.model.labels)

    def real_samples(self) -> list[np.ndarray]:
        """Real samples of the same labels as `labels`; the last ones again where there are too few of one."""
        data, chosen = samples_of(self.evaluator.real), list[np.ndarray]()
        per_label = len(self.labels()) // len(self.model.labels)
        for label in range(len(self.model.labels)):
            members = np.flatnonzero(self.evaluator.real.labels == label)
            # A small split may have none of a label: its row is that of another.
            members = members if len(members) else np.arange(len(self.evaluator.real.labels))
            chosen += [data[members[min(i, len(members) - 1)]] for i in range(per_label)]
        return chosen

    def show(self, folder: Path, name: str, samples: list[np.ndarray], labels: np.ndarray) -> list[dict[str, str]]:
        """Pictures as one sheet with a row a label, or clips with a spectrogram each: what the page needs of them."""
        if self.sound:
            return [
                self.clip(folder, f"{name}-{i}", clip, self.model.labels[labels[i]]) for i, clip in enumerate(samples)
            ]
        return [self.sheet(folder, name, samples, COLUMNS)]

    def sheet(self, folder: Path, name: str, samples: list[np.ndarray], columns: int) -> dict[str, str]:
        pixels = np.stack(samples)
        write_picture(folder / f"{name}.png", grid(pixels, visible_scale(pixels.shape[1]), columns), {})
        return {"picture": f"{name}.png", "title": "A row for each of: " + ", ".join(self.model.labels)}

    def clip(self, folder: Path, name: str, samples: np.ndarray, title: str) -> dict[str, str]:
        real = self.evaluator.real
        assert isinstance(real, AudioClips)
        write_audio(folder / f"{name}.wav", samples, real.sample_rate, {})
        write_plot(folder / f"{name}.png", samples, real.sample_rate, {})
        return {"picture": f"{name}.png", "sound": f"{name}.wav", "title": title}

    def nearest(self, folder: Path, name: str, setting: GenerationConfig) -> list[list[dict[str, str]]]:
        """One sample of each label and, beside it, the training samples that the first judge finds most like it."""
        samples, labels = self.first(name, setting, len(self.model.labels))
        _, embeddings = self.evaluator.judges.judges[0].judge(samples)
        known, lines = samples_of(self.evaluator.train), list[list[np.ndarray]]()
        near = np.argsort(distances(embeddings, self.evaluator.train_judgements[0][1]), 1)[:, :NEAREST]
        for sample, indices in zip(samples, near, strict=True):
            lines.append([sample, *(known[i] for i in (indices[:1] if self.sound else indices))])
        if not self.sound:
            return [[self.sheet(folder, "nearest", [picture for line in lines for picture in line], NEAREST + 1)]]
        return [
            [
                self.clip(
                    folder, f"nearest-{i}-{j}", clip, ("nearest in training" if j else self.model.labels[labels[i]])
                )
                for j, clip in enumerate(line)
            ]
            for i, line in enumerate(lines)
        ]


def check_folder(folder: Path) -> None:
    """Raises TrainError for a report's folder that is there already."""
    if folder.exists():
        raise TrainError(f"--report {folder}: exists; choose another folder")
