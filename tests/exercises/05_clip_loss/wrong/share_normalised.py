# Normalises features that are to be used as they are.
# fails: share-first, share-ranks, share-twins
# says: brought to length 1
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    given = (image_features, text_features, all_images, all_texts)
    images, texts, all_images, all_texts = (F.normalize(x, dim=1) for x in given)
    labels = rank * len(images) + torch.arange(len(images))
    over_texts = F.cross_entropy(scale * images @ all_texts.T, labels)
    over_images = F.cross_entropy(scale * texts @ all_images.T, labels)
    return (over_texts + over_images) / 2
