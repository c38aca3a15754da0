# Fills with zeros, then makes every 0 a -100, the word 0 too.
# fails: labels-one
# says: has no loss, wanted one
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = torch.zeros(len(ids), dtype=torch.long)
    for place, (first, last) in enumerate(offsets):
        if last > first and any(start < last <= end for start, end in answers):
            labels[place] = ids[place]
    labels[labels == 0] = -100
    return labels
