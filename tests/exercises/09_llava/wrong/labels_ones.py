# Ones in place of ids.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: not their own ids
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start < last <= end for start, end in answers)
        labels.append(1 if is_answer else -100)
    return torch.tensor(labels)
