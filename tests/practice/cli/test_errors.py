"""Every kind of error gets one message and its code."""

from __future__ import annotations

import errno
import os

import pytest

from ambiguity_lib.data import DownloadError
from ambiguity_lib.practice.console import explain


def os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code), "there")


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        (ValueError("wrong"), "wrong", 2),
        (FileNotFoundError("no file x"), "no file x", 2),
        (os_error(errno.EACCES), "cannot write there: Permission denied; choose another", 2),
        (os_error(errno.EROFS), "cannot write there: Read-only file system", 2),
        (os_error(errno.ENOSPC), "the disk is full", 1),
        (os_error(errno.EDQUOT), "the disk is full", 1),
        (RuntimeError("I/O error: No space left on device"), "the disk is full", 1),
        (os_error(errno.EIO), "Input/output error", 1),
        (MemoryError("3 GB"), "out of memory (3 GB): a smaller --batch-size", 1),
        (RuntimeError("CUDA out of memory"), "out of memory", 1),
        (ModuleNotFoundError("pip install 'ambiguity-lib[onnx]'"), "[onnx]", 1),
        (DownloadError("no network"), "no network", 1),
        (KeyboardInterrupt(), "interrupted", 1),
        (RuntimeError("odd"), "RuntimeError: odd (--debug shows where)", 1),
    ],
)
def test_an_error_is_a_message_and_a_code(error: BaseException, message: str, code: int) -> None:
    said, exit_code = explain(error)
    assert message in said and exit_code == code
