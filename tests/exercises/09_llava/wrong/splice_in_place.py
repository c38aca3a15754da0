# Takes the ids out of the rows one by one.
# fails: splice-padding
# says: its first argument: after the call it is not what was passed
import torch
from torch.nn.utils.rnn import pad_sequence


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = []
        while row:
            token = row.pop(0)
            pieces.append(next(pictures) if token == -200 else table[[token]])
        spliced.append(torch.cat(pieces))
    masks = [torch.ones(len(row), dtype=torch.bool) for row in spliced]
    return pad_sequence(spliced, True), pad_sequence(masks, True)
