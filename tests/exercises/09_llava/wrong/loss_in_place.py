# Subtracts the largest score from the logits that were passed.
# fails: loss-large
# says: its first argument: after the call it is not what was passed
import torch
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    logits -= logits.amax(-1, keepdim=True)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
