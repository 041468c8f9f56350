"""What comes out of a compression: one folder, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambiguity_lib.models import quiet_transformers
from ambiguity_lib.run_facts import default_name

if TYPE_CHECKING:
    from ambiguity_lib.compression import CompressionResult

RUN_FILE = "compression.json"
PROBES_FILE = "probes.npz"
ONNX_FILE = "model.onnx"

# what a tokenizer or a configuration keeps of the machine that it was loaded or made on
_LOCAL_KEYS = {"is_local", "local_files_only", "name_or_path", "_name_or_path", "cache_dir"}
_LOCAL_PATH = re.compile(r"(~?/|[A-Za-z]:[\\/])[^/\\]+[/\\]")


def ship(
    result: CompressionResult,
    directory: Path,
    *,
    name: str | None = None,
    overwrite: bool = False,
    onnx: bool = False,
    scratch: Path | None = None,
    command: Mapping[str, Any] | None = None,
) -> Path:
    """Write a compressed classifier as a plain Hugging Face folder.

    Weights, configuration and tokenizer, a model card (``README.md``), the run's record
    (``compression.json``) and the probes (``probes.npz``), which nothing needs for prediction.
    None of its text files says where on this machine anything was.

    Args:
        result: What was made.
        directory: Where to; it appears when everything is written.
        name: What the model is called in its card; by default after the base model, or the folder
            where that one's name says nothing (:func:`~ambiguity_lib.run_facts.default_name`).
        overwrite: Whether to replace a folder that is there already.
        onnx: Whether to add ``model.onnx``.
        scratch: Folder to write in before, on the same disk; beside ``directory`` by default.
        command: What :func:`~ambiguity_lib.cli.command_line.command_line` made of the command that
            was typed, for the record; None where none was.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder is there, is not empty, and may not be replaced.
        OSError: If it cannot be written; nothing is left behind then.
    """
    check_free(directory, overwrite=overwrite)
    run = result.run | {"name": (name or "").strip() or default_name(result.run, directory)}
    if command is not None:
        run["command"] = dict(command)
    with new_folder(directory, scratch) as folder:
        with quiet_transformers():
            result.student.save_pretrained(folder)
            result.tokenizer.save_pretrained(folder)
        for settings in ("config.json", "tokenizer_config.json"):
            _forget_machine(folder / settings)
        result.probes.save(folder / PROBES_FILE)
        if onnx:
            from ambiguity_lib.export import export_onnx  # an extra

            export_onnx(result.student, result.tokenizer, folder / ONNX_FILE)
        from ambiguity_lib.model_card import model_card

        (folder / "README.md").write_text(str(model_card(run)), encoding="utf-8")
        text = json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / RUN_FILE).write_text(text + "\n", encoding="utf-8")
        for file in folder.iterdir():  # the weights come for their owner's eyes only
            file.chmod((folder / RUN_FILE).stat().st_mode)
    return directory


def _forget_machine(path: Path) -> None:
    """Remove what a file of settings says of the machine, which no other one can use."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    kept = {
        key: value
        for key, value in settings.items()
        if key not in _LOCAL_KEYS and not (isinstance(value, str) and _LOCAL_PATH.match(value))
    }
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """See that a folder may be written, before hours of work.

    Raises:
        FileExistsError: If it is there, is not empty, and may not be replaced, or if it holds
            something else than a compressed model.
        NotADirectoryError: If a file has its name.
        OSError: If nothing can be written beside it.
    """
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: give the name of a folder")
    filled = directory.is_dir() and any(directory.iterdir())
    if filled and not overwrite:
        raise FileExistsError(
            f"{directory} is there already and not empty: give another name, or allow to replace "
            "it (overwrite=True, --overwrite)"
        )
    if filled and not (directory / RUN_FILE).is_file():
        raise FileExistsError(
            f"{directory} holds something else than a compressed model, and is not replaced: give "
            "another name"
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(f"{directory.parent} is no folder: nothing can be in it") from None
    probe = _sibling(directory)
    probe.mkdir()
    probe.rmdir()


@contextlib.contextmanager
def new_folder(directory: Path, scratch: Path | None = None) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``directory`` when the block ends well."""
    base = directory if scratch is None else scratch / directory.name
    temporary, old = _sibling(base), _sibling(base)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if directory.exists():
            directory.rename(old)
        temporary.rename(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _sibling(directory: Path) -> Path:
    return directory.parent / f".{directory.name}.{uuid.uuid4().hex[:8]}"


def load_run(directory: str | Path) -> dict[str, Any]:
    """Read the record of a compression.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no such record; the message names the file.
    """
    path = Path(directory) / RUN_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {RUN_FILE} in {directory}: give the folder that `ambiguity-lib compress` "
            "wrote"
        )
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(run, dict) or run.get("kind") != "compression":
        raise ValueError(f"{path} is not the record of a compression")
    return run
