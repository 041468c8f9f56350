"""The runner on a tiny book of its own; the real chapters are tests/notebooks' matter."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import nbformat
import pytest
import typer
import yaml
from nbformat import v4
from rich.console import Console
from tools import run
from tools.render import RenderingError, render_html, stage_sources
from tools.run import (
    ChapterRun,
    find_chapters,
    kernel_environment,
    parameters_to_inject,
    plan_book,
    run_book,
    select_chapters,
    strip_run_metadata,
)
from typer.testing import CliRunner, Result

from ambiguity_lib.data import DownloadError

SMOKE = Path(__file__).resolve().parents[1] / "profiles" / "smoke.yml"


def _chapter(
    path: Path, *sources: str, parameters: str = 'PROFILE = "synthetic"\nSEED = 0'
) -> Path:
    cells = [
        v4.new_markdown_cell(f"# {path.stem}", id="title"),
        v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]}),
    ]
    cells += [v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def _text(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return "".join(o.get("text", "") for c in cells for o in c.get("outputs", []))


@pytest.fixture
def book(tmp_path: Path, repository: Path) -> Path:
    """A project of two chapters and a page."""
    root = tmp_path / "project"
    _chapter(
        root / "book" / "01_first.ipynb",
        "import os, sys\nprint(sys.executable, os.getcwd(), PROFILE, SEED)",
        "from ambiguity_lib.study.profile import load_profile\n"
        "from course.record import write_record\n"
        "write_record('01_first', load_profile(PROFILE), SEED, {'answer': 42}) and None",
    )
    _chapter(root / "book" / "02_second.ipynb", "1 + 1")
    (root / "book" / "intro.md").write_text("# Intro\n\nSee the chapters.\n", encoding="utf-8")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n"
        "  - file: book/01_first\n  - file: book/02_second\n",
        encoding="utf-8",
    )
    for folder in ("_ext", "_static"):
        shutil.copytree(repository / "book" / folder, root / "book" / folder)
    # the real configuration, without what takes long to copy
    config = yaml.safe_load((repository / "_config.yml").read_text(encoding="utf-8"))
    config["sphinx"]["config"]["extensions"].remove("sphinx-mathjax-offline")
    (root / "book" / "references.bib").touch()
    (root / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return root / "book"


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(output: io.StringIO) -> Console:
    return Console(file=output, width=200)


def test_a_run_leaves_notebooks_records_and_html(
    book: Path, build_dir: Path, console: Console, output: io.StringIO
) -> None:
    committed = (book / "01_first.ipynb").read_bytes()
    status = run_book(plan_book(SMOKE, seed=7, book_dir=book), console=console)
    assert status == 0, output.getvalue()
    run = build_dir / "smoke"
    words = _text(run / "notebooks" / "01_first.ipynb").split()
    assert os.path.realpath(words[0]) == os.path.realpath(sys.executable)
    assert words[1:] == [str(book), str(SMOKE), "7"]
    record = json.loads((run / "records" / "01_first_seed7.json").read_text(encoding="utf-8"))
    assert record["results"] == {"answer": 42}
    html = (run / "html" / "book" / "01_first.html").read_text(encoding="utf-8")
    assert str(SMOKE) in html, "the HTML is not built from the executed copy"
    assert (book / "01_first.ipynb").read_bytes() == committed
    shown = output.getvalue()
    assert str(run / "html" / "index.html") in shown.splitlines()[-1]
    assert "[1/2] 01_first  done in 0:" in shown


def test_two_runs_write_the_same_bytes(book: Path, build_dir: Path, console: Console) -> None:
    slow = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)"
    _chapter(book / "02_second.ipynb", slow)
    plan = plan_book(SMOKE, ["02"], book_dir=book)
    copies = []
    for _ in range(2):
        assert run_book(plan, execute_only=True, rerun=True, console=console) == 0
        copies.append((build_dir / "smoke" / "notebooks" / "02_second.ipynb").read_bytes())
    assert copies[0] == copies[1]
    cells = nbformat.read(build_dir / "smoke/notebooks/02_second.ipynb", as_version=4).cells
    assert [output.text for output in cells[-1].outputs] == ["0\n1\n2\n"]
    assert not (build_dir / "smoke" / "html").exists()


def test_a_chapter_runs_again_only_when_something_changed(
    book: Path, build_dir: Path, console: Console, output: io.StringIO, monkeypatch, tmp_path: Path
) -> None:
    real = run.execute_chapter

    def quickly(path: Path, output: Path, parameters: dict, timeout: int | None) -> ChapterRun:
        """Leaves what a chapter leaves; kernels take seconds to start."""
        if "1 / 0" in path.read_text(encoding="utf-8"):
            return real(path, output, parameters, timeout)
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, output)
        if path.stem == "01_first":
            record = (
                build_dir / "smoke" / "records" / f"01_first_seed{parameters.get('SEED', 0)}.json"
            )
            record.parent.mkdir(exist_ok=True)
            record.write_text("{}", encoding="utf-8")
        return ChapterRun(path.stem, 0.0)

    monkeypatch.setattr(run, "execute_chapter", quickly)

    def executed(**options) -> list[str]:
        output.truncate(0)
        plan = plan_book(SMOKE, seed=options.pop("seed", 0), book_dir=book)
        assert run_book(plan, execute_only=True, console=console, **options) == 0
        return [name for name in ("01_first", "02_second") if f"{name}  done" in output.getvalue()]

    library = tmp_path / "library"
    library.mkdir()
    monkeypatch.setattr(run, "LIBRARY", library)
    both = ["01_first", "02_second"]
    assert executed() == both
    assert executed() == []
    assert "01_first  unchanged since it ran" in output.getvalue()
    assert executed(rerun=True) == both
    _chapter(book / "02_second.ipynb", "1 + 2")
    assert executed() == ["02_second"]
    assert executed(seed=1) == both
    assert executed(seed=1) == []
    (build_dir / "smoke" / "records" / "01_first_seed1.json").unlink()
    assert executed(seed=1) == ["01_first"]
    (build_dir / "smoke" / "notebooks" / "02_second.ipynb").write_text("{}", encoding="utf-8")
    assert executed(seed=1) == ["02_second"]
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(tmp_path))
    assert executed(seed=1) == both
    (tmp_path / "new.jsonl").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert executed(seed=1) == both
    (library / "words.yml").write_text("a: 1", encoding="utf-8")
    assert executed(seed=1) == both
    (book / "results").mkdir()
    (book / "results" / "some.json").write_text("{}", encoding="utf-8")
    assert executed(seed=1) == both
    _chapter(book / "01_first.ipynb", "1 / 0")
    assert run_book(plan_book(SMOKE, seed=1, book_dir=book), console=console) == 1
    assert run_book(plan_book(SMOKE, seed=1, book_dir=book), console=console) == 1


def test_a_failing_chapter_is_reported_and_finished_ones_are_kept(
    book: Path, build_dir: Path, console: Console, output: io.StringIO
) -> None:
    _chapter(book / "02_second.ipynb", "1", "def broken():\n    return 1 / 0\nbroken()")
    _chapter(book / "03_third.ipynb", "1")
    assert run_book(plan_book(SMOKE, book_dir=book), console=console) == 1
    notebooks = build_dir / "smoke" / "notebooks"
    names = sorted(path.name for path in notebooks.iterdir())
    assert names == ["01_first.ipynb", "02_second.failed.ipynb"]
    shown = output.getvalue()
    # title, parameters, injected parameters, first cell, failing cell
    failed = notebooks / "02_second.failed.ipynb"
    assert f"{failed} failed in cell 5: ZeroDivisionError" in shown
    assert "broken()" in nbformat.read(failed, as_version=4).cells[5 - 1].source
    assert "return" in shown
    assert "broken()" in shown
    assert "not run" in shown

    _chapter(book / "02_second.ipynb", "1")
    assert (
        run_book(plan_book(SMOKE, ["02"], book_dir=book), execute_only=True, console=console) == 0
    )
    names = sorted(path.name for path in notebooks.iterdir())
    assert names == ["01_first.ipynb", "02_second.ipynb"]


def test_a_cell_that_takes_too_long_is_a_failure(
    book: Path, build_dir: Path, console: Console, output: io.StringIO
) -> None:
    _chapter(book / "02_second.ipynb", "import time; time.sleep(60)", "1")
    plan = plan_book(SMOKE, ["02"], book_dir=book)
    assert run_book(plan, cell_timeout=2, console=console) == 1
    assert "failed in cell 4: CellTimeoutError" in output.getvalue()
    assert not (build_dir / "smoke" / "notebooks" / "02_second.ipynb").exists()


def test_a_kernel_that_dies_is_a_failure(
    book: Path, build_dir: Path, console: Console, output: io.StringIO
) -> None:
    _chapter(book / "02_second.ipynb", "import os; os._exit(3)")
    assert run_book(plan_book(SMOKE, ["02"], book_dir=book), console=console) == 1
    assert "failed in cell 4: DeadKernelError" in output.getvalue()


def test_an_unknown_parameter_is_an_error_before_anything_runs(book: Path, build_dir: Path) -> None:
    _chapter(book / "02_second.ipynb", "1", parameters='PROFILE = "synthetic"')
    with pytest.raises(ValueError, match=r"02_second\.ipynb has no parameter SEED.*sets PROFILE"):
        plan_book(SMOKE, seed=1, book_dir=book)
    assert not build_dir.exists()


def test_parameters_that_a_chapter_has_already_are_not_injected(book: Path) -> None:
    chapter = book / "01_first.ipynb"
    assert parameters_to_inject(chapter, {"PROFILE": "synthetic", "SEED": 0}) == {}
    assert parameters_to_inject(chapter, {"PROFILE": "minilm", "SEED": 0}) == {"PROFILE": "minilm"}
    _chapter(chapter, parameters='PROFILE = "a" + "b"')
    assert parameters_to_inject(chapter, {"PROFILE": "ab"}) == {"PROFILE": "ab"}


def test_chapters_are_chosen_by_number_or_name_in_the_books_order(book: Path) -> None:
    _chapter(book / "intro.ipynb")
    _chapter(book / "results.ipynb")  # a page, no chapter
    chapters = find_chapters(book)
    assert [path.stem for path in chapters] == ["intro", "01_first", "02_second"]
    assert select_chapters(chapters, None) == chapters
    assert select_chapters(chapters, ["02", "intro", "02_second"]) == (chapters[0], chapters[2])
    with pytest.raises(ValueError, match="unknown chapter '3': choose from intro, 01_first"):
        select_chapters(chapters, ["01", "3"])


def test_a_folder_without_chapters_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no chapters in"):
        find_chapters(tmp_path)


def test_kernels_inherit_absolute_paths_and_nothing_stays_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", "data")
    monkeypatch.setenv("AMBIGUITY_BUILD_DIR", "out")
    before = dict(os.environ)
    with kernel_environment():
        assert os.environ["AMBIGUITY_DATA_DIR"] == str(tmp_path / "data")
        assert os.environ["AMBIGUITY_BUILD_DIR"] == str(tmp_path / "out")
        assert os.environ["AMBIGUITY_ARTIFACT_DIR"] == str(tmp_path / "out" / "artifacts")
        assert os.environ["TQDM_DISABLE"] == "1"
    assert dict(os.environ) == before


def test_run_metadata_is_stripped() -> None:
    cell = v4.new_code_cell("1", metadata={"papermill": {}, "execution": {}, "tags": ["kept"]})
    metadata = {"papermill": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    notebook = v4.new_notebook(cells=[cell], metadata=metadata)
    strip_run_metadata(notebook)
    assert notebook.metadata == {"language_info": {"name": "python"}}
    assert notebook.cells[0].metadata == {"tags": ["kept"]}


def test_chapters_not_executed_are_staged_as_committed(book: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    _chapter(run / "notebooks" / "01_first.ipynb", "'executed'")
    (book / "profiles").mkdir()
    source = stage_sources(book, run)
    assert "'executed'" in (source / "book" / "01_first.ipynb").read_text(encoding="utf-8")
    assert (source / "book" / "02_second.ipynb").read_bytes() == (
        book / "02_second.ipynb"
    ).read_bytes()
    assert (source / "_config.yml").is_file()
    assert not (source / "book" / "profiles").exists()


def test_a_warning_of_the_rendering_is_an_error_and_keeps_the_old_html(
    book: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (run / "html").mkdir(parents=True)
    (run / "html" / "index.html").write_text("old", encoding="utf-8")
    (book / "intro.md").write_text("# Intro\n\n[away](missing.md)\n", encoding="utf-8")
    with pytest.raises(RenderingError, match=r"(?s)html\.log.*WARNING.*missing"):
        render_html(book, run)
    assert (run / "html" / "index.html").read_text(encoding="utf-8") == "old"


def test_a_missing_configuration_is_an_error(book: Path, tmp_path: Path) -> None:
    (book.parent / "_toc.yml").unlink()
    with pytest.raises(RenderingError, match=r"_toc\.yml is missing"):
        stage_sources(book, tmp_path / "run")


def test_a_page_of_results_runs_last_and_gets_no_parameters(book: Path) -> None:
    _chapter(book / "results_some.ipynb", "1", parameters="COLOR = 'red'")
    plan = plan_book(SMOKE, seed=7, book_dir=book)
    assert plan.chapters[-1].stem == "results_some"
    assert plan.parameters[plan.chapters[-1]] == {}


@pytest.mark.parametrize("name", ["synthetic.yml", "artifacts.yml"])
def test_a_profile_file_may_not_take_anothers_name(book: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SMOKE.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match="is taken"):
        plan_book(tmp_path / name, book_dir=book)


def test_real_data_that_cannot_be_had_is_an_error_before_anything_runs(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMBIGUITY_DATA_DIR", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="AMBIGUITY_DATA_DIR is"):
        plan_book("minilm", book_dir=book)
    monkeypatch.delenv("AMBIGUITY_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set"):
        plan_book("minilm", book_dir=book)


def _command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(run.main)
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "none"], "no profile 'none': choose one of"),
        (["--chapters", "99"], "unknown chapter '99'"),
        (["--chapters", " , "], "--chapters names no chapter"),
    ],
)
def test_a_wrong_request_exits_2_with_one_line(
    arguments: list[str], message: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "project_root", lambda: book.parent)
    result = _command(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_the_runs_outcome_is_the_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def plan(*arguments: object) -> str:
        seen["plan"] = arguments
        return "plan"

    def run_it(plan: object, **options: object) -> int:
        seen["run"] = (plan, options)
        return code

    monkeypatch.setattr(run, "plan_book", plan)
    monkeypatch.setattr(run, "run_book", run_it)
    result = _command("--profile", "minilm", "--chapters", "03, 04", "--execute-only")
    assert result.exit_code == code
    assert seen["plan"] == ("minilm", ["03", "04"], None)
    assert seen["run"] == ("plan", {"execute_only": True, "rerun": False})


def test_it_runs_as_a_script_from_anywhere(tmp_path: Path) -> None:
    """Also where nothing says on which path `tools` and `course` are."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, run.__file__, "--chapters", "99"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown chapter '99'" in done.stderr
