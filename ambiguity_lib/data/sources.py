"""Where the research data come from: addresses, checksums and licences.

All four are at their authors'; SNLI and MNLI are on the Hugging Face hub as well.
No checksum is of a download of ours; beside each stands who published it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        path: Its path in the data directory. In the archive it has the same name, in any folder.
        sha256: Of its content, where that is known.
        split: The split of the hub's data set that holds the same items, if there is one.
    """

    path: str
    sha256: str | None = None
    split: str | None = None

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class DataSet:
    """One data set and its sources.

    Attributes:
        name: What it is called on the command line.
        title: What people call it.
        licence: What its users have to keep to.
        url: An archive, `.zip` or `.tar.gz`, with all of its files.
        files: The files that loaders read.
        sha256: Of the archive, where that is known.
        hub: Its id on the Hugging Face hub, if it is there with the same items.
    """

    name: str
    title: str
    licence: str
    url: str
    files: tuple[DataFile, ...]
    sha256: str | None = None
    hub: str | None = None

    @property
    def archive_name(self) -> str:
        """The archive's file name."""
        return PurePosixPath(urlsplit(self.url).path).name


_SNLI = DataSet(
    name="snli",
    title="SNLI 1.0",
    licence="CC BY-SA 4.0",
    url="https://nlp.stanford.edu/projects/snli/snli_1.0.zip",
    # tensorflow_datasets (url_checksums/snli.txt), also ParlAI and NLIDatasets.jl
    sha256="afb3d70a5af5d8de0d9d81e2637e0fb8c22d1235c2749d83125ca43dab0dbd3e",
    hub="stanfordnlp/snli",
    files=(
        DataFile("snli/snli_1.0_train.jsonl", split="train"),
        DataFile("snli/snli_1.0_dev.jsonl", split="validation"),
        DataFile("snli/snli_1.0_test.jsonl", split="test"),
    ),
)
_MNLI = DataSet(
    name="mnli",
    title="MultiNLI 1.0",
    # as the hub's data set card has it
    licence="OANC; the fiction section CC BY-SA 3.0, CC BY 3.0 and others",
    url="https://cims.nyu.edu/~sbowman/multinli/multinli_1.0.zip",
    # tensorflow_datasets (url_checksums/multi_nli.txt), also ParlAI and NLIDatasets.jl
    sha256="049f507b9e36b1fcb756cfd5aeb3b7a0cfcb84bf023793652987f7e7e0957822",
    hub="nyu-mll/multi_nli",
    files=(
        DataFile("mnli/multinli_1.0_train.jsonl", split="train"),
        DataFile("mnli/multinli_1.0_dev_matched.jsonl", split="validation_matched"),
        DataFile("mnli/multinli_1.0_dev_mismatched.jsonl", split="validation_mismatched"),
    ),
)
_CHAOSNLI = DataSet(
    name="chaosnli",
    title="ChaosNLI 1.0",
    licence="CC BY-NC 4.0, not for commercial use",
    # the link in the README of github.com/easonnie/ChaosNLI; dl=1 asks for the file, not its page
    url="https://www.dropbox.com/s/h4j7dqszmpt2679/chaosNLI_v1.0.zip?dl=1",
    # nobody publishes a checksum of the archive; those of its files come with copies of them
    files=(
        DataFile(
            "chaosnli/chaosNLI_snli.jsonl",
            sha256="99f9015ddda7d85f66a087452bc30d53974314fe27e7d589e2f41ad44bd509c1",
        ),
        DataFile(
            "chaosnli/chaosNLI_mnli_m.jsonl",
            sha256="8eb49b589488e7b1a9ec95fb8a864bd50f0509b4f808eed0aed3f8167617664d",
        ),
    ),
)
_AFFECTIVE_TEXT = DataSet(
    name="affective-text",
    title="Affective Text (SemEval-2007 Task 14)",
    licence="none stated; released by the organisers of the task for research",
    # the task's page is web.eecs.umich.edu/~mihalcea/affectivetext; this address of its download is
    # in unify-emotion-datasets (Bostan and Klinger, 2018). Nobody publishes a checksum, neither of
    # the archive nor of its files: gzip's own and the loader's strictness must do
    url="http://web.eecs.umich.edu/~mihalcea/downloads/AffectiveText.Semeval.2007.tar.gz",
    files=tuple(
        DataFile(f"affective_text/affectivetext_{part}.{ending}")
        for part in ("trial", "test")
        for ending in ("xml", "emotions.gold")
    ),
)
DATA_SETS = {item.name: item for item in (_SNLI, _MNLI, _CHAOSNLI, _AFFECTIVE_TEXT)}


def find_data_set(name: str) -> DataSet:
    """Find a data set by its name.

    Raises:
        ValueError: If there is none of that name; the message lists those that there are.
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}: choose from {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def find_source(path: str) -> tuple[DataSet, DataFile] | None:
    """Find what a file of the data directory is part of; None where nothing can be fetched."""
    for data_set in DATA_SETS.values():
        for file in data_set.files:
            if file.path == path:
                return data_set, file
    return None
