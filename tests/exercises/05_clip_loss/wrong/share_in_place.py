# The scale is multiplied into the gathered features.
# fails: share-twins
# says: its third argument: after the call it is not what was passed
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    over_images = F.cross_entropy(text_features @ all_images.mul_(scale).T, labels)
    over_texts = F.cross_entropy(image_features @ all_texts.mul_(scale).T, labels)
    return (over_texts + over_images) / 2
