"""Why a model could not be loaded, in words that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import is_offline_mode
from safetensors import SafetensorError


@contextlib.contextmanager
def explained(what: str, source: str | Path, families: Sequence[str]) -> Iterator[None]:
    """Turn what transformers raises while it loads something into an error that helps.

    Args:
        what: What is loaded, for the message.
        source: The hub id or the path that it is loaded from.
        families: Architectures that could be loaded, for the message.

    Raises:
        FileNotFoundError: If there is no model at ``source``.
        ValueError: If the weights are damaged, do not fit, are there only as a pickle, or need code
            from elsewhere.
    """
    if Path(source).is_file():  # a configuration could be loaded from one, weights could not
        raise FileNotFoundError(
            f"cannot load the {what} of {str(source)!r}: this is a file; give the folder "
            "that it is in"
        )
    try:
        yield
    except SafetensorError as error:
        raise ValueError(
            f"the weights of {str(source)!r} are damaged or cut short ({error}): download or save "
            "the model again"
        ) from error
    except (OSError, ValueError) as error:
        if "trust_remote_code" in str(error):
            raise ValueError(
                f"the model {str(source)!r} comes with code of its own, which would have to run on "
                "this machine; it never is. Take a model whose architecture transformers itself "
                f"has: {', '.join(families)}"
            ) from error
        if (pickles := pickled_weights(source)) is not None:
            raise ValueError(
                f"the weights of {str(source)!r} are there only as {pickles.name}, a pickle, and "
                "loading a pickle can run any code; it is not loaded. Ask its authors for "
                "safetensors, or, if you trust the file, convert it yourself: "
                "AutoModelForSequenceClassification.from_pretrained(...).save_pretrained(...)"
            ) from error
        raise FileNotFoundError(
            f"cannot load the {what} of {str(source)!r}: {_place(source)}. Supported "
            f"architectures: {', '.join(families)}. ({error})"
        ) from error
    except RuntimeError as error:
        raise ValueError(
            f"the {what} of {str(source)!r} do not fit its configuration: {error}"
        ) from error


def pickled_weights(source: str | Path) -> Path | None:
    """The pickle that is all the weights a folder has; None if there are safe ones, or none."""
    folder = Path(source)
    if not folder.is_dir() or any(folder.glob("*.safetensors")):
        return None
    return next(iter(sorted([*folder.glob("*.bin"), *folder.glob("*.pt")])), None)


def _place(source: str | Path) -> str:
    """What is wrong with the place that a model was looked for in."""
    path, text = Path(source), str(source)
    if (path / "config.json").is_file():
        return "the folder is there, but something in it is missing or cannot be read"
    if path.is_dir():
        inside = sorted(str(config.parent) for config in path.glob("*/config.json"))
        hint = f"; there is one in {' and '.join(inside)}" if inside else ": this is no model"
        return f"there is no config.json in this folder{hint}"
    if text.startswith(("/", ".", "~")) or text.count("/") > 1 or "\\" in text:
        return "there is no such folder"
    if is_offline_mode():
        return (
            "there is no such folder, and a model of this name is not in the cache, nor is the hub "
            "asked while HF_HUB_OFFLINE is set; give the path of a folder, or unset it"
        )
    return (
        "there is no such folder, and the hub did not give a model of this name; give the path of "
        "a folder, or check the name and the network"
    )
