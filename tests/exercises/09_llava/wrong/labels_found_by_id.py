# Places are looked for by id, and the same id stands in several.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = torch.full((len(ids),), -100)
    for token, (first, last) in zip(ids, offsets):
        if last > first and any(start < last <= end for start, end in answers):
            labels[ids.index(token)] = token
    return labels
