"""Optimisers train, and libraries are imported, without torch's compiler, which is still there for who
compiles.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

_TRAINED = """
import sys
import cloudpickle, inspect, torch
from methods.common.without_compiler import without_compiler

def there():
    return "torch._dynamo.eval_frame" in sys.modules

def train(kind):
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    optimizer = kind(layer.parameters(), lr=0.1)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))]})
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    return layer.weight.detach()

kinds = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD
without_compiler()
without_compiler()
plain = [train(kind) for kind in kinds]
cloudpickle.dumps(lambda: train)
inspect.getmodule(train)
import open_clip, timm.optim.kron, transformers.masking_utils
from transformers import BertForMaskedLM
from transformers.integrations.deepgemm import is_sm100
torch._dynamo.config.cache_size_limit = 77
once = torch.compiler.disable(recursive=False)(lambda x: x + 1)
assert once(1) == 2
torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
torch.distributed.destroy_process_group()
roi = sys.modules["torchvision.ops.roi_align"]
assert not there(), "an optimiser or a library has imported the compiler"
import torch._dynamo.config
torch._dynamo.config.suppress_errors = True
from torch._dynamo.convert_frame import config as real
assert real.suppress_errors and real is torch._dynamo.config, "the options are there twice"
from torch._dynamo.eval_frame import OptimizedModule
assert isinstance(torch.compile(torch.nn.Linear(1, 1), backend="eager"), OptimizedModule)
real.suppress_errors = False
doubled = torch.compile(lambda x: x * 2, backend="eager")(torch.ones(2))
assert doubled.tolist() == [2, 2]
assert there()
import torch._dynamo.utils
assert torch._dynamo.config.cache_size_limit == 77
assert is_sm100._dynamo_marked_constant
assert once(1) == 2 and roi.is_compile_supported("cpu") and torch._dynamo.utils.is_compile_supported("cpu")
with transformers.masking_utils.TransformGetItemToIndex():
    pass
assert inspect.ismodule(torch._dynamo) and torch._dynamo is sys.modules["torch._dynamo"]
for kind, was in zip(kinds, plain):
    assert torch.equal(train(kind), was), kind
hidden = torch.optim.Optimizer.zero_grad.__wrapped__.__dict__["__dynamo_disable"]
assert hidden._torchdynamo_disable, "an optimiser is not hidden from the compiler"
"""


def test_optimisers_and_libraries_leave_the_compiler_alone_and_who_compiles_gets_it():
    ran = subprocess.run([sys.executable, "-c", _TRAINED], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
