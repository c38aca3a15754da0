# exp of the scores as they are.
# fails: loss-large
# says: returned
import torch


# GRADED answer_loss
def answer_loss(logits, labels):
    e = logits[:, :-1].exp()
    p = e / e.sum(-1, keepdim=True)
    targets = labels[:, 1:]
    keep = targets != -100
    return -p[keep][torch.arange(int(keep.sum())), targets[keep]].log().mean()
