"""The optional encoder, attention pooling and the distance from all training slices, on made-up numbers."""

from types import SimpleNamespace

import numpy as np
import torch
from torchvision.models.resnet import Bottleneck, ResNet

from norma_training.attention_pooling import MadeStudy, fit_attention, read_studies
from norma_training.bootstrap import auc
from norma_training.chest_ct_encoder import InflatedResNet, SliceEncoder, oriented, summed_over_depth
from norma_training.figures import strongest_slices
from norma_training.recorded_scores import read_notes, read_scores, record_scores
from norma_training.unlike_training import FeatureSpace, study_medians


def test_summed_kernels_do_what_3d_ones_do_inside_a_deep_slab():
    torch.manual_seed(0)
    deep = InflatedResNet((1, 1, 1, 1)).eval()
    flat = ResNet(Bottleneck, [1, 1, 1, 1])
    flat.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    flat.fc = torch.nn.Identity()
    flat.load_state_dict(summed_over_depth(deep.state_dict()))
    image = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        volume = deep(image[:, :, None].expand(-1, -1, 64, -1, -1))
        expected = SliceEncoder(flat.eval(), 0)(image)
    torch.testing.assert_close(volume[:, :, volume.shape[2] // 2].mean((2, 3)), expected, rtol=1e-3, atol=1e-4)
    # At the slab's edge the zeros beyond it tell: the two are not the same thing.
    assert (volume[:, :, 0].mean((2, 3)) - expected).abs().max() > 3e-3


def test_slices_are_turned_as_the_encoder_was_trained():
    picture = np.zeros((1, 4, 4), np.uint8)
    picture[0, 0, 3] = 255  # in front, on the patient's left
    turned = oriented(picture)[0, 0]
    assert turned[0, 3] == 1  # x counts towards the right: 0 is left; y towards the front: the last is in front


def test_attention_finds_the_few_slices_that_matter():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 12)).astype(np.float32)
    studies = []
    for i in range(160):
        rows = np.arange(i * 12, i * 12 + 12)
        if i % 2:
            features[rows[:2], :3] += 5
        studies.append(MadeStudy("blocks", "s", i % 2, str(i), rows))
    fitted = fit_attention(features, studies[:100], epochs=25)
    read = read_studies(*fitted, features, studies[100:])
    truth = np.array([study.truth for study in studies[100:]])
    assert auc(truth, read) > 0.9


def test_what_is_unlike_all_that_was_learnt_from_is_far():
    rng = np.random.default_rng(1)
    known = rng.normal(size=(400, 30)).astype(np.float32)
    space = FeatureSpace.of(known)
    near, far = space.distance(rng.normal(size=(50, 30)).astype(np.float32)), space.distance(rng.normal(size=(50, 30)).astype(np.float32) * 4)
    assert far.min() > near.max() and 0.3 < near.mean() < 1.1
    names, medians = study_medians(np.array([1.0, 2.0, np.nan, 9.0]), np.array(["a", "a", "a", "b"]))
    assert names.tolist() == ["a", "b"] and medians.tolist() == [1.5, 9.0]


def test_pictures_are_taken_where_the_map_is_strongest():
    maps = np.zeros((30, 2, 2))
    maps[4:6, 0, 0], maps[20, 1, 1] = (3.0, 2.9), 2.0
    assert strongest_slices(maps, 2).tolist() == [4, 20]


def test_a_new_measurement_takes_the_place_of_the_earlier_one(tmp_path):
    data = SimpleNamespace(file=np.array(["b", "a", "b"]))
    some, all_slices = np.array([0.5, np.nan, 0.5]), np.array([0.25, 0.75, 0.25])
    record_scores(tmp_path, data, {"encoder0_oof": some, "encoder0_lite0_oof": some, "resnet_loso": some}, {"encoder0_lite0_oof": "2 slices"})
    record_scores(tmp_path, data, {"encoder0_oof": all_slices}, {"encoder0_oof": "3 slices"}, instead_of="encoder0_")
    found = read_scores(tmp_path, data)
    assert found.keys() == {"encoder0_oof", "resnet_loso"} and read_notes(tmp_path) == {"encoder0_oof": "3 slices"}
    assert np.array_equal(found["encoder0_oof"], all_slices) and np.array_equal(found["resnet_loso"], some, equal_nan=True)
