"""A profile of ONNX Runtime is a device like any other: named by its runtime, with its evidence, beside eager PyTorch."""

import pytest
from support.onnx_runtime_profiles import made_up_profile

import archs
import costmodel
from explorer.data import device_list, evidence
from explorer.data import profiles as devices


@pytest.fixture
def key():
    return devices.store(made_up_profile())


def test_it_is_listed_as_another_runtime(key):
    (row,) = device_list.table([key]).itertuples()
    assert row.runtime == "onnxruntime 1.2.3"
    assert devices.owner(key).startswith("ONNX Runtime 1.2.3, AMD EPYC, 1 thread")
    assert devices.owner("cpu").startswith("eager PyTorch")
    assert devices.title(key) == "mine · onnxruntime 1.2.3, 1 thread, batch 1"


def test_an_uploaded_profile_is_read_back_and_has_no_pairs(key):
    profile = devices.upload(made_up_profile().text().encode(), "mine.json")
    assert profile == made_up_profile()
    (pairs,) = evidence.of(key).values()
    assert pairs.empty


def test_one_network_is_compared_over_both_runtimes(key):
    table = device_list.over_devices(archs.spec("mobilenet_v2", width=0.5), ["cpu", key])
    eager, fused = table["latency_ms"]
    assert fused < eager
    assert table["low_ms"].notna().all()


def test_the_table_of_profiles_says_the_runtime():
    listed = costmodel.profiles().set_index("name")
    assert listed.loc["cpu", "runtime"] == "eager"
