"""A first sweep, from a search to a question that is put to the best trial. Cells begin with ``# %%``."""

# %% Sizes. FIRST_SWEEP=small makes them so small that all of it takes a minute or two and learns little.
import os

import numpy as np

from orchestrator import api
from orchestrator.streams import registry

sizes, at_once = {}, None
if os.environ.get("FIRST_SWEEP") == "small":
    sizes = {"stream.tasks": 2, "stream.train": 16, "stream.validation": 8, "stream.test": 8}
    sizes |= {"stream.query": 4, "stream.gallery": 6, "method.epochs": 1, "method.batch_size": 8}
    at_once = 1

# %% Search. Without `say` nothing is printed.
result = api.sweep("finetune", name="first-sweep", trials=2, concurrent=at_once, set=sizes, say=print)
print(result.status, "in", result.folder)

# %% Each trial: what it was, how it ended, and the objective on validation data.
for trial in result.trials:
    print(f"trial {trial.number}: {trial.status}, {result.objective.metric} {trial.score}, {trial.values}")

# %% The best one on test data: row t is the model after task t, a column a task.
print("tasks:", ", ".join(result.tasks))
print(np.round(result.best.test_matrix, 1))
print("average over tasks:", result.test["test/average"], " forgetting:", result.test["test/forgetting"])

# %% Pictures and texts to ask it about: here the first ones of the last task's test split.
predictor = api.load(result.name)
config = predictor.config
split = registry.get(config.stream_name).load(config.stream, skip_bad=False).tasks[-1].splits["test"]
pictures, texts = split.pictures.read(np.arange(4)), list(split.captions[:4])

# %% Which text goes with which picture? On pictures of one's own, give the paths of their files.
found = predictor.predict(pictures, texts)
for number, order in enumerate(found.texts):
    print(f"picture {number}: {texts[order[0]]!r}, score {found.scores[number, order[0]]:.2f}")
