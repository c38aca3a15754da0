# Subtracts the largest score of the whole row, not of each place.
# fails: loss-large
# says: hundreds apart
# GRADED answer_loss
def answer_loss(logits, labels):
    targets = labels[:, 1:]
    keep = targets != -100
    scores = logits[:, :-1] - logits.amax(dim=(1, 2), keepdim=True)
    log_p = scores - scores.exp().sum(dim=-1, keepdim=True).log()
    return -log_p[keep].gather(1, targets[keep][:, None]).mean()
