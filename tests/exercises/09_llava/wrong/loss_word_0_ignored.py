# Word 0 is taken for padding as well.
# fails: loss-shift, loss-ignored, loss-mean, loss-large
# says: the loss is
import torch.nn.functional as F


# GRADED answer_loss
def answer_loss(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(
        scores,
        labels[:, 1:].reshape(-1).masked_fill(labels[:, 1:].reshape(-1) == -100, 0),
        ignore_index=0,
    )
