"""Every recipe reads the layout that its data set is published in. No Ray is started."""

import published_files as files
import pytest
import vqa_v2_files

from orchestrator.commands.recipe_values import recipe_config
from orchestrator.recipes.recipe import Recipe
from orchestrator.streams import registry as streams
from orchestrator.streams.synthetic.questions.kinds import KINDS

_TYPES = ["scene", "count", "action", "subcategory", "color"]
_PAIRS = ["transport-scene", "animals-count", "sports-action", "food-subcategory", "interior-color"]


def _cifar(folder):
    files.cifar_100(folder, classes=100, each=2)


def _image_net_r(folder):
    files.listed_pictures(folder, classes=200)
    return {"stream.names": "names.txt"}


def _pets(folder):
    files.class_folders(folder, classes=37, train=2, test=1)


def _p9d(folder):
    files.p9d(folder, tasks=9, train=2, test=1)


def _partition(folder):
    vqa_v2_files.write(folder, vqa_v2_files.layout())


def _next_qa(folder):
    files.next_qa(folder)
    return {"stream.measure": "exact"}  # WordNet is not here


# As in the released code's configs/base_seqF.yaml.
_P9D_ORDER = [
    *("家居用品", "家装家饰", "食品/保健", "美容护理"),
    *("服饰鞋包", "车品配件", "母婴", "运动/户外", "3C数码"),
]

# Data, and the names of the tasks as published.
_DATA = {
    "clap4clip/cifar100": (_cifar, [f"{10 * k + 1}-{10 * k + 10}" for k in range(10)]),
    "clap4clip/imagenet-r": (_image_net_r, [f"{20 * k + 1}-{20 * k + 20}" for k in range(10)]),
    "mma/oxford-pets": (_pets, ["1-18", "19-37"]),
    "ctp/p9d": (_p9d, _P9D_ORDER),
    "ctp/p9d-er": (_p9d, _P9D_ORDER),
    "triplet/vqa-v2-convs": (files.contvqa, ["transport", "animals", "sports", "food", "interior"]),
    "triplet/vqa-v2-conls": (files.contvqa, _TYPES),
    "triplet/vqa-v2-convls": (files.contvqa, _PAIRS),
    "triplet/vqa-v2-conls-flava": (files.contvqa, _TYPES),
    "vqacl/next-qa": (_next_qa, list(files.NEXT_QA_KINDS)),
    "vqacl/next-qa-novel": (_next_qa, list(files.NEXT_QA_KINDS)),
    "vqacl/vqa-v2": (_partition, list(KINDS)),
    "vqacl/vqa-v2-novel": (_partition, list(KINDS)),
}

# Where the released code holds nothing out of its training data.
_ALL_TRAINED = [
    "clap4clip/cifar100-reference",
    "clap4clip/imagenet-r-reference",
    "ctp/p9d-reference",
    "ctp/p9d-er-reference",
]


@pytest.mark.parametrize("name", Recipe.names())
def test_a_recipe_reads_the_layout_that_its_data_set_is_published_in(name, tmp_path):
    make, tasks = _DATA[name.removesuffix("-reference")]
    values = make(tmp_path) or {}
    config = recipe_config(name, None, None, tmp_path, values)
    source = streams.get(config.stream_name).load(config.stream, skip_bad=False)
    assert [task.name for task in source.tasks] == tasks
    assert source.holds_out == (name not in _ALL_TRAINED)
    # The released code takes COCO's ids for the numbers of its groups' objects.
    raw = name.startswith("vqacl/") and name.endswith("-reference")
    assert source.skipped == ({"picture whose object id is in no group": 10} if raw else {})
