import numpy as np

from orchestrator.streams.retrieval.p9d import P9D
from orchestrator.streams.retrieval.p9d_writer import write_p9d
from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval


def test_what_is_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.streams.retrieval.p9d_writer._CHUNK", 7)
    config = ShapesRetrieval.Config(tasks=2, train=20, validation=10, test=10, query=6, gallery=12)
    source = ShapesRetrieval.load(config, skip_bad=False)
    write_p9d(source, tmp_path)
    read = P9D.load(P9D.Config(data=str(tmp_path), image_size=32), skip_bad=False)
    assert [t.name for t in read.tasks] == [t.name for t in source.tasks]
    for before, after in zip(source.tasks, read.tasks, strict=True):
        for name in ("test", "query", "gallery"):
            a, b = before.splits[name], after.splits[name]
            assert (a.captions, a.ids) == (b.captions, b.ids)
            assert [source.categories[k] for k in a.label] == [read.categories[k] for k in b.label]
            rows = np.arange(len(a.ids))
            difference = a.pictures.read(rows).astype(int) - b.pictures.read(rows)
            assert np.abs(difference).mean() < 3
        joined = [i for name in ("train", "validation") for i in before.splits[name].ids]
        assert sorted(joined) == sorted(i for name in ("train", "validation") for i in after.splits[name].ids)


def test_a_stream_without_query_and_gallery_is_written_without_them(tmp_path):
    config = ShapesRetrieval.Config(tasks=1, train=8, validation=2, test=2)
    source = ShapesRetrieval.load(config, skip_bad=False)
    for name in ("query", "gallery"):
        del source.tasks[0].splits[name]
    write_p9d(source, tmp_path)
    assert sorted(p.name for p in (tmp_path / "json").iterdir()) == ["test.json", "train.json"]
