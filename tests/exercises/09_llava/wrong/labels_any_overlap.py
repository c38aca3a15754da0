# Any character of the answer is enough.
# fails: labels-edges
# says: goes on behind the answer
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(first < end and last > start for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
