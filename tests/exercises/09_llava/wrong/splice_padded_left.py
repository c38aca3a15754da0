# Padded in front.
# fails: splice-batch, splice-padding
# says: is filled up in front
import torch


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    longest = max(len(row) for row in spliced)
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, longest - len(row) :] = row
        mask[place, longest - len(row) :] = True
    return vectors, mask
