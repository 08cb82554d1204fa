import torch

from methods.common.trim import last_tokens, trimmed


def test_padding_that_all_rows_share_is_cut():
    tokens = torch.tensor([[5, 6, 0, 0, 0], [5, 0, 7, 0, 0]])
    assert last_tokens(tokens, 0).tolist() == [2, 3]
    assert trimmed(tokens, 0).tolist() == [[5, 6, 0], [5, 0, 7]]
    assert trimmed(tokens[:, :3], 0).shape == (2, 3)
    assert trimmed(tokens[:0], 0).shape == (0, 5)
