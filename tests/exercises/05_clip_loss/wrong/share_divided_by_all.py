# Divided by the pairs of all processes, and then the shares are averaged as well.
# fails: share-first, share-ranks, share-twins
# says: of all processes: it is a mean over
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    texts = F.cross_entropy(scale * image_features @ all_texts.T, labels, reduction="sum")
    images = F.cross_entropy(scale * text_features @ all_images.T, labels, reduction="sum")
    return (texts + images) / (2 * len(all_images))
