# The first row alone.
# fails: loss-mean, loss-large
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:1, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:1, 1:].reshape(-1), ignore_index=-100)
