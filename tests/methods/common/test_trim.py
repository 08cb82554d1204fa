import torch

from methods.common.trim import last_tokens, trimmed


def test_padding_that_all_rows_share_is_cut():
    tokens = torch.tensor([[5, 6, 0, 0, 0], [5, 0, 7, 0, 0]])
    assert last_tokens(tokens, 0).tolist() == [2, 3]
    assert trimmed(tokens, 0).tolist() == [[5, 6, 0], [5, 0, 7]]
    assert trimmed(tokens[:, :3], 0).shape == (2, 3)
    assert trimmed(tokens[:0], 0).shape == (0, 5)


def test_padding_is_what_its_id_says_and_within_a_row_it_stays():
    tokens = torch.tensor([[1, 9, 2, 9, 9], [9, 9, 9, 9, 9], [9, 4, 9, 0, 9]])
    assert last_tokens(tokens, 9).tolist() == [3, 0, 4]
    assert trimmed(tokens, 9).tolist() == [[1, 9, 2, 9], [9, 9, 9, 9], [9, 4, 9, 0]]
    assert trimmed(tokens[1:2], 9).shape == (1, 0)
