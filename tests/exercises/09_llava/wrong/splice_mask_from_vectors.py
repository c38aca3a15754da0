# Takes every vector of zeros for padding, the word whose vector is zeros too.
# fails: splice-padding
# says: (a word whose vector is all zeros)
import torch


# GRADED splice
def splice(rows, features, table):
    pictures = iter(features)
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == -200 else table[[token]] for token in row]
        spliced.append(torch.cat(pieces))
    vectors = torch.nn.utils.rnn.pad_sequence(spliced, batch_first=True)
    return vectors, (vectors != 0).any(dim=-1)
