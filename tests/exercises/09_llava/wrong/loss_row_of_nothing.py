# A row without an answer makes the mean nan.
# fails: loss-mean
# says: returned nan
import torch
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    means = [F.cross_entropy(scores[:-1], targets[1:]) for scores, targets in zip(logits, labels)]
    return torch.stack(means).mean()
