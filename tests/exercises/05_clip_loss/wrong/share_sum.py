# A sum over the own pairs.
# fails: share-first, share-ranks, share-twins
# says: own pairs: a mean, no sum
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels, reduction="sum")
    over_images = F.cross_entropy(scale * text_features @ all_images.T, labels, reduction="sum")
    return (over_texts + over_images) / 2
