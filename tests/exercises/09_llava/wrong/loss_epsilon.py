# A small number inside the logarithm.
# fails: loss-large
# says: the loss is
import torch


# GRADED answer_loss
def answer_loss(logits, labels):
    p = logits[:, :-1].softmax(-1)
    targets = labels[:, 1:]
    keep = targets != -100
    return -(p[keep][torch.arange(int(keep.sum())), targets[keep]] + 1e-8).log().mean()
