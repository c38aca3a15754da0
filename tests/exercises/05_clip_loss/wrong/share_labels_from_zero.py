# Labels begin at 0 everywhere.
# fails: share-ranks, share-twins
# says: process 1 of 3
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features))
    texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    return (texts + F.cross_entropy(scale * text_features @ all_images.T, labels)) / 2
