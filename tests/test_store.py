"""The store: built once, found again, atomic, checked, resumable after a kill."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambiguity_lib.store import MANIFEST, ArtifactStore, artifact_key

SPEC = {"depth": 3, "seed": 0}


def write(text, calls=None):
    def build(directory):
        if calls is not None:
            calls.append(directory)
        (directory / "sub").mkdir()
        (directory / "sub" / "value.txt").write_text(text)

    return build


def read(artifact):
    return (artifact.path / "sub" / "value.txt").read_text()


def test_built_once_and_found_again_by_another_store(tmp_path):
    calls = []
    first = ArtifactStore(tmp_path).get_or_build("model", SPEC, write("a", calls))
    again = ArtifactStore(tmp_path).get_or_build("model", SPEC, write("b", calls))
    assert first.path == again.path
    assert len(calls) == 1
    assert read(again) == "a"


def test_manifest_says_what_determined_it(tmp_path):
    artifact = ArtifactStore(tmp_path).get_or_build("model", SPEC, write("a"))
    manifest = json.loads((artifact.path / MANIFEST).read_text())
    assert manifest["spec"] == SPEC
    assert list(manifest["files"]) == ["sub/value.txt"]


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=1, max_size=4))
def test_key_does_not_depend_on_order_but_on_every_value(spec):
    backwards = dict(reversed(spec.items()))
    assert artifact_key("model", spec) == artifact_key("model", backwards)
    name = next(iter(spec))
    assert artifact_key("model", spec) != artifact_key("model", {**spec, name: spec[name] + 1})
    assert artifact_key("model", spec) != artifact_key("logits", spec)


def test_key_depends_on_library_versions(monkeypatch):
    before = artifact_key("model", SPEC)
    monkeypatch.setattr("ambiguity_lib.store._version", lambda name: "0.0")
    assert artifact_key("model", SPEC) != before


def test_a_spec_that_json_cannot_express_is_refused(tmp_path):
    with pytest.raises(TypeError):
        artifact_key("model", {"path": tmp_path})


def corrupt_content(path):
    (path / "sub" / "value.txt").write_text("changed")


def remove_file(path):
    (path / "sub" / "value.txt").unlink()


def truncate_manifest(path):
    (path / MANIFEST).write_text("{")


def remove_manifest(path):
    (path / MANIFEST).unlink()


def forget_files(path):
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "files": {}}))


def take_anothers_manifest(path):
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "key": "0" * 32}))


@pytest.mark.parametrize(
    "damage",
    [
        corrupt_content,
        remove_file,
        truncate_manifest,
        remove_manifest,
        forget_files,
        take_anothers_manifest,
    ],
)
def test_corruption_is_noticed_reported_and_mended(tmp_path, caplog, damage):
    artifact = ArtifactStore(tmp_path).get_or_build("model", SPEC, write("a"))
    damage(artifact.path)
    with caplog.at_level(logging.WARNING):
        rebuilt = ArtifactStore(tmp_path).get_or_build("model", SPEC, write("b"))
    assert "built again" in caplog.text and str(artifact.path) in caplog.text
    assert read(rebuilt) == "b"


def test_a_failing_build_leaves_nothing_behind(tmp_path):
    def build(directory):
        (directory / "half").write_text("x")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        ArtifactStore(tmp_path).get_or_build("model", SPEC, build)
    assert list((tmp_path / "model").iterdir()) == []


def test_losing_a_race_returns_the_winner(tmp_path):
    def build(directory):
        ArtifactStore(tmp_path).get_or_build("model", SPEC, write("winner"))
        write("loser")(directory)

    assert read(ArtifactStore(tmp_path).get_or_build("model", SPEC, build)) == "winner"


def test_killed_build_is_cleaned_up_and_done_again(tmp_path, caplog):
    script = textwrap.dedent(
        f"""
        import pathlib, time
        from ambiguity_lib.store import ArtifactStore
        def build(directory):
            (directory / "half").write_text("x")
            pathlib.Path({str(tmp_path / "started")!r}).touch()
            time.sleep(600)
        ArtifactStore(pathlib.Path({str(tmp_path / "store")!r})).get_or_build(
            "model", {SPEC!r}, build)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    folder = tmp_path / "store" / "model"
    assert [path.name.startswith(".building-") for path in folder.iterdir()] == [True]
    with caplog.at_level(logging.WARNING):
        artifact = ArtifactStore(tmp_path / "store").get_or_build("model", SPEC, write("a"))
    assert "left by a run that was stopped" in caplog.text
    assert list(folder.iterdir()) == [artifact.path]
