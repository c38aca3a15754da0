# -100 becomes word 0.
# fails: loss-ignored, loss-mean
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 1:].reshape(-1).clamp(min=0), ignore_index=-100)
