# Takes the last row for the longest.
# fails: splice-padding
# says: (rows of 7 and 2 and 1 ids)
import torch


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
        longest = len(spliced[-1])
    vectors = table.new_zeros(len(rows), longest, table.shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(spliced):
        vectors[place, : len(row)] = row
        mask[place, : len(row)] = True
    return vectors, mask
