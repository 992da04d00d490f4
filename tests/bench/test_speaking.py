"""bench/speaking.py on a random voice: figures that belong together, and texts that nobody can read."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "speaking.py"


def test_a_voice_is_timed_and_reads_a_text_again_and_again(exported, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("One line.\n\n!\nÜbel.\nAnother one, and not a long one.\n", encoding="utf-8")
    arguments = ["--steps", "1", "2", "--rounds", "1", "--text", str(text), "--seconds", "12"]
    done = subprocess.run(
        [sys.executable, SCRIPT, exported["voice"], *arguments], capture_output=True, text=True, check=True
    )
    *timed, process, reading = done.stdout.splitlines()
    assert [re.search(r", (\d) steps: real-time factor 0\.\d+ token by token", line)[1] for line in timed] == ["1", "2"]
    assert re.search(r"\d s for a process that says \d\.\d\d s$", process)
    found = re.search(r": (\d+) s read in (\d+) s \((\d\.\d+)\); MiB on the way: (.+)$", reading)
    seconds, taken, ratio = (float(found[i]) for i in (1, 2, 3))
    looks = [float(look) for look in found[4].split(", ")]
    assert seconds == 12 and abs(ratio * seconds - taken) <= 0.51 and len(looks) == 8
    assert min(looks) > 20 and max(looks) < 1.2 * min(looks)


def test_a_text_without_a_word_is_refused_before_anything_is_timed(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("12\nÜbel\n", encoding="utf-8")
    done = subprocess.run([sys.executable, SCRIPT, "voice", "--text", str(text)], capture_output=True, text=True)
    assert done.returncode == 2 and "no line of plain English" in done.stderr and not done.stdout
