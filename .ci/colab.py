"""Run every notebook as Colab would: its packages from PyPI, torch there already, no project files.

The environment is made from `colab-requirements.txt` and kept in `_build/colab`. Each notebook is
copied into an otherwise empty folder and runs top to bottom there, its install cell included, under
the smoke profile. git is told to answer for the repository's address with what is in this working
tree, tagged as the release; pip is the real one. What was installed before must be there after it
in the same version.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from badges import REPOSITORY, ROOT, tag

from ambiguity_lib.study.paths import build_directory
from ambiguity_lib.study.profile import load_profile

sys.path.append(str(ROOT / "book"))
from course.record import load_record
from tools.run import execute_chapter

REQUIREMENTS = ROOT / ".ci" / "colab-requirements.txt"
PROFILE = ROOT / "tests" / "profiles" / "smoke.yml"
CELL_TIMEOUT = 300
WHEELS = "wheels"
LIST_PACKAGES = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
)


class ColabError(Exception):
    """What stopped the check, in a sentence."""


class NoPackages(ColabError):
    """PyPI did not give what the environment is made of."""


def packages(python: Path) -> dict[str, str]:
    """Names and versions of what an interpreter has installed."""
    done = subprocess.run(
        [python, "-I", "-c", LIST_PACKAGES], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What was installed before and is gone or of another version after."""
    return [
        f"{name} {version} became {after.get(name, 'nothing')}"
        for name, version in sorted(before.items())
        if after.get(name) != version
    ]


def build_requirements() -> list[str]:
    """What pip needs to install the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["build-system"]["requires"])


def make_environment(folder: Path, base: str) -> Path:
    """The environment's interpreter; what is there is used again if nothing has changed."""
    python, stamp = folder / "venv" / "bin" / "python", folder / "environment.json"
    wanted = hashlib.sha256(
        REQUIREMENTS.read_bytes() + repr((base, build_requirements())).encode()
    ).hexdigest()
    if stamp.is_file() and python.is_file():
        kept = json.loads(stamp.read_text(encoding="utf-8"))
        if kept["hash"] == wanted:
            # what an install cell has added is not Colab's
            if more := sorted(set(packages(python)) - set(kept["packages"])):
                subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", *more], check=True)
            if packages(python) == kept["packages"]:
                return python
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder / "venv", ignore_errors=True)
    subprocess.run([base, "-m", "venv", folder / "venv"], check=True)
    # of these packages little is imported, so Python compiles less than pip would
    install = ["install", "-q", "--timeout=30", "--no-compile", "-r", REQUIREMENTS]
    download = ["download", "-q", "--timeout=30", "-d", folder / WHEELS, *build_requirements()]
    for command in (install, download):
        done = subprocess.run([python, "-m", "pip", *command], capture_output=True, text=True)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
            raise NoPackages(
                f"the packages of {REQUIREMENTS} could not be installed; this check needs PyPI, or "
                "a mirror that pip is told of:\n" + "\n".join(errors[-20:])
            )
    # the package by which notebooks know that they are in Colab, in name only
    site = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "google" / "colab").mkdir(parents=True)
    (site / "google" / "colab" / "__init__.py").touch()
    stamp.write_text(json.dumps({"hash": wanted, "packages": packages(python)}), encoding="utf-8")
    return python


def publish(root: Path, release: str, target: Path) -> None:
    """A repository at ``target`` with what is in ``root``, committed or not, as the release."""
    identity = ["-c", "user.name=ci", "-c", "user.email=ci@localhost"]
    subprocess.run(["git", "init", "-q", target], check=True)
    git = ["git", *identity, f"--git-dir={target}/.git", f"--work-tree={root}"]
    for command in (
        ["add", "-A"],
        ["commit", "-q", "--no-verify", "-m", release],
        ["tag", release],
    ):
        subprocess.run([*git, *command], check=True, cwd=root)


def kernel_environment(
    python: Path, repository: Path, wheels: Path, folder: Path
) -> dict[str, str]:
    """What the kernels see: nothing of the project, Colab's package, and the local release."""
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    start = "--IPKernelApp.exec_lines=import google.colab"
    command = [str(python), "-m", "ipykernel_launcher", start, "-f", "{connection_file}"]
    description = {"argv": command, "display_name": "Python 3", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(description), encoding="utf-8")
    left_out = ("AMBIGUITY_", "GIT_", "PYTEST_", "PYTHONPATH", "VIRTUAL_ENV")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(left_out)},
        "JUPYTER_PATH": str(folder),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
        # all that an install cell may need is here: no notebook waits for a slow network
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "HF_HUB_OFFLINE": "1",  # the smoke profile needs nothing from there
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a remark at every kernel's start
        # models as small as these wait for a second thread more than it helps, above all if the
        # machine has other work
        "OMP_NUM_THREADS": "1",
    }


def run_notebook(notebook: Path, output: Path, profile: Path, clone: Path) -> float:
    """Seconds that a notebook took; a chapter must also have left its record in the clone."""
    is_chapter = notebook.stem[:2].isdigit()
    parameters = {"PROFILE": str(profile)} if is_chapter else {}
    run = execute_chapter(notebook, output, parameters, CELL_TIMEOUT)
    if run.failure is not None:
        raise ColabError(
            f"{run.failure.notebook}, cell {run.failure.cell}: {run.failure.reason}\n"
            f"{run.failure.traceback}"
        )
    if is_chapter:
        name = load_profile(profile).name
        path = clone / "_build" / name / "records" / f"{notebook.stem}_seed0.json"
        if not path.is_file():
            raise ColabError(f"{notebook.name} left no record at {path}")
        record = load_record(path)
        if (record["chapter"], record["profile"]) != (notebook.stem, name):
            raise ColabError(f"{path} is of {record['chapter']} under {record['profile']}")
        if not record["results"]:
            raise ColabError(f"{path} has no results")
    return run.seconds


def check(base: str, only: list[str]) -> None:
    """Make the environment, publish the release, run the notebooks, print what each took."""
    folder, release = build_directory() / "colab", tag(ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    python = make_environment(folder, base)
    before = packages(python)
    print(f"{time.perf_counter() - started:6.1f} s  the environment", flush=True)
    with tempfile.TemporaryDirectory(prefix="colab-") as temporary:
        content, published = Path(temporary, "content"), Path(temporary, "published")
        content.mkdir()
        publish(ROOT, release, published)
        jupyter = Path(temporary, "jupyter")
        environment = kernel_environment(python, published, folder / WHEELS, jupyter)
        os.environ.clear()
        os.environ.update(environment)
        profile = Path(shutil.copy2(PROFILE, content))
        for source in sorted((ROOT / "book").glob("*.ipynb")):
            if only and source.stem[:2] not in only:
                continue
            notebook = Path(shutil.copy2(source, content))
            # after the first one git says that the clone is there: it keeps what was trained
            output = folder / "notebooks" / source.name
            seconds = run_notebook(notebook, output, profile, content / "ambiguity-lib")
            print(f"{seconds:6.1f} s  {source.stem}", flush=True)
            after = packages(python)
            if changed := changes(before, after):
                raise ColabError(f"{source.name}: its install cell did more: {', '.join(changed)}")
            if after.get("ambiguity-lib") != release.removeprefix("v"):
                raise ColabError(f"{source.name}: its install cell did not install {release}")
    more = sorted(set(after) - set(before))
    torch = f"torch {before['torch']} and all else is as it was"
    print(f"{time.perf_counter() - started:6.1f} s  in all; installed: {', '.join(more)}; {torch}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter to start from")
    parser.add_argument("--only", nargs="*", default=[], help="numbers of chapters: 01 02")
    parser.add_argument(
        "--if-reachable", action="store_true", help="without the packages, say so and succeed"
    )
    arguments = parser.parse_args()
    try:
        check(arguments.python, arguments.only)
    except NoPackages as error:
        print(f"NOT RUN: {error}")
        sys.exit(not arguments.if_reachable)
    except ColabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
