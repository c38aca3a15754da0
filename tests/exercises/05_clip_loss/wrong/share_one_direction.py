# Own images with all texts, twice.
# fails: share-first, share-ranks, share-twins
# says: the share is
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    return F.cross_entropy(scale * image_features @ all_texts.T, labels)
