# The character behind the token decides.
# fails: labels-one, labels-several, labels-edges, labels-empty
# says: has a loss, wanted none
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    labels = []
    for token, (first, last) in zip(ids, offsets):
        is_answer = last > first and any(start <= last < end for start, end in answers)
        labels.append(token if is_answer else -100)
    return torch.tensor(labels)
