"""What is said while something takes minutes."""

from adr_train import waiting


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(waiting, "LINE_SECONDS", -1.0)
    assert list(waiting.counted("abc", "letters")) == ["a", "b", "c"]
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"letters: {number} of 3" for number in range(3)] and not said.out


def test_one_of_several_processes_tells(capsys, monkeypatch):
    monkeypatch.setattr(waiting, "LINE_SECONDS", -1.0)
    monkeypatch.setenv("RANK", "1")
    assert list(waiting.counted("abc", "letters")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
