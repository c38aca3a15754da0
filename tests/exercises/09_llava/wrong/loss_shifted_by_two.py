# Two places further.
# fails: loss-shift, loss-ignored, loss-mean, loss-large
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-2].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 2:].reshape(-1), ignore_index=-100)
