# The other direction is taken from the same oblong matrix.
# fails: share-first, share-ranks, share-twins
# says: the share is
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    labels = torch.arange(n) + rank * n
    s = scale * image_features @ all_texts.T
    over_images = F.cross_entropy(s.T[labels], torch.arange(n))
    return (F.cross_entropy(s, labels) + over_images) / 2
