# The marker keeps a place of its own, of zeros.
# fails: splice-one, splice-several, splice-batch, splice-padding, splice-words
# says: (B, L, D)
import torch


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [
            torch.cat([torch.zeros_like(table[:1]), next(pictures)])
            if token == -200
            else table[[token]]
            for token in row
        ]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask
