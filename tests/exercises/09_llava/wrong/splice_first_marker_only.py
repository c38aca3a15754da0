# Only the first marker of a row is seen.
# fails: splice-several, splice-batch, splice-padding
# says: IndexError
import torch
import torch.nn.functional as F


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        if -200 in row:
            place = row.index(-200)
            words = table[torch.tensor(row[:place] + row[place + 1 :])]
            spliced.append(torch.cat([words[:place], next(pictures), words[place:]]))
        else:
            spliced.append(table[torch.tensor(row)])
    longest = max(len(row) for row in spliced)
    vectors = torch.stack([F.pad(row, (0, 0, 0, longest - len(row))) for row in spliced])
    mask = torch.tensor([[n < len(row) for n in range(longest)] for row in spliced])
    return vectors, mask
