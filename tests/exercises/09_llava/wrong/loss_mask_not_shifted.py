# The labels are shifted, their mask is not.
# fails: loss-ignored, loss-mean
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    keep = labels[:, :-1] != -100
    scores, targets = logits[:, :-1], labels[:, 1:].clamp(min=0)
    losses = F.cross_entropy(scores.transpose(1, 2), targets, reduction="none")
    return (losses * keep).sum() / keep.sum()
