# A token without characters counts as well.
# fails: labels-empty
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = any(start < last <= end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
