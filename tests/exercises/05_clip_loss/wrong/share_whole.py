# The loss of all pairs, on every process.
# fails: share-first, share-ranks
# says: the loss of all pairs of all processes
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    s = scale * all_images @ all_texts.T
    labels = torch.arange(len(s))
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2
