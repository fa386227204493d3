"""The leak check fails on each kind of leak and passes on the splits that this package makes."""

import numpy as np
import pytest

from norma_training.leak_check import LeakError, check_no_leak
from norma_training.prepared import PreparedSet
from norma_training.splits import assign_folds, connected_groups, read_split, sides, write_blocks, write_split


def made(blocks: int = 40, slices: int = 4, duplicates: dict[int, str] | None = None) -> PreparedSet:
    n = blocks * slices
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(blocks), slices)
    label = np.where(block % 2 == 0, "normal", "pathology")
    near = np.array([""] * n, dtype=object)
    for row, name in (duplicates or {}).items():
        near[row] = name
    text = lambda values: np.array([str(v) for v in values])  # noqa: E731
    return PreparedSet(
        rng.integers(0, 255, (n, 8, 8), dtype=np.uint8), np.ones((n, 8, 8), np.uint8), text([f"f{i}" for i in range(n)]),
        text(["s"] * n), label, text([""] * n), text([f"s-b{b}" for b in block]), near.astype(str), text([""] * n), text([""] * n),
    )


def test_a_block_on_two_sides_fails():
    data = made()
    side = sides(assign_folds(data))
    side[0] = "test" if side[0] != "test" else "train"
    with pytest.raises(LeakError, match="block"):
        check_no_leak(data, side)


def test_a_near_duplicate_on_two_sides_fails():
    data = made(duplicates={0: "nd1", 159: "nd1"})
    side = np.where(np.arange(160) < 80, "train", "test")
    with pytest.raises(LeakError, match="near duplicate"):
        check_no_leak(data, side)


def test_the_same_picture_on_two_sides_fails():
    data = made()
    data.pixels[159] = data.pixels[0]
    side = np.where(np.arange(160) < 80, "train", "test")
    with pytest.raises(LeakError, match="identical picture"):
        check_no_leak(data, side)


def test_splits_keep_joined_blocks_together_and_pass():
    data = made(duplicates={0: "nd1", 159: "nd1", 8: "nd2", 81: "nd2"})
    groups = connected_groups(data.block, data.near_duplicates)
    assert groups[0] == groups[159] and groups[8] == groups[81] and groups[0] != groups[8]
    fold = assign_folds(data)
    check_no_leak(data, fold)
    check_no_leak(data, sides(fold))
    assert set(np.unique(fold)) == {0, 1, 2, 3, 4}
    for value in ("normal", "pathology"):
        counts = np.bincount(fold[data.label == value], minlength=5)
        assert counts.min() > 0


def test_a_split_is_read_back_from_slices_and_from_blocks(tmp_path):
    data = made()
    fold = assign_folds(data)
    write_split(tmp_path / "split.csv", data, fold)
    write_blocks(tmp_path / "blocks.csv", data, fold)
    np.testing.assert_array_equal(read_split(tmp_path / "split.csv", data), fold)
    np.testing.assert_array_equal(read_split(tmp_path / "blocks.csv", data), fold)
