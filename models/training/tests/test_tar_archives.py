"""Archives of data, whatever filters the Python at hand knows."""

import io
import tarfile

import pytest

from norma_training.tar_archives import open_tar


def write_tar(path, name):
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return path


def test_what_lies_in_an_archive_is_unpacked(tmp_path):
    with open_tar(write_tar(tmp_path / "good.tar", "data/index.csv")) as tar:
        tar.extractall(tmp_path)
    assert (tmp_path / "data" / "index.csv").read_bytes() == b"abc"


def test_nothing_is_written_outside_of_the_folder(tmp_path):
    if not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python knows no filters")
    (tmp_path / "folder").mkdir()
    with open_tar(write_tar(tmp_path / "bad.tar", "../outside")) as tar, pytest.raises(tarfile.OutsideDestinationError):
        tar.extractall(tmp_path / "folder")
    assert not (tmp_path / "outside").exists()
