# Pictures go before the words, wherever the marker stands.
# fails: splice-one, splice-several, splice-batch, splice-words
# says: another one
import torch
import torch.nn.functional as F


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        seen = [next(pictures) for token in row if token == -200]
        words = torch.tensor([token for token in row if token != -200], dtype=torch.long)
        spliced.append(torch.cat([*seen, table[words]]))
    longest = max(len(row) for row in spliced)
    vectors = torch.stack([F.pad(row, (0, 0, 0, longest - len(row))) for row in spliced])
    mask = torch.tensor([[n < len(row) for n in range(longest)] for row in spliced])
    return vectors, mask
