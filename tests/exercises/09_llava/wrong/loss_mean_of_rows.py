# The mean of each row, and then of the rows.
# fails: loss-mean
# says: mean of the rows' means
import torch
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    means = []
    for scores, targets in zip(logits, labels):
        if (targets[1:] != -100).any():
            means.append(F.cross_entropy(scores[:-1], targets[1:]))
    return torch.stack(means).mean()
