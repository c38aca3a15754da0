# The first answer alone.
# fails: labels-several
# says: has no loss, wanted one
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers[:1])
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
