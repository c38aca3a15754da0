# A loss of these pairs among themselves.
# fails: share-first, share-ranks, share-twins
# says: what these pairs lose among themselves
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    s = scale * image_features @ text_features.T
    labels = torch.arange(len(s))
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2
