# Looks for its pictures among all, and takes the first that is equal.
# fails: share-twins
# says: the mean of all shares
import torch
import torch.nn.functional as F


# GRADED share_of_process
def share_of_process(image_features, text_features, all_images, all_texts, rank, scale):
    labels = (image_features[:, None] == all_images).all(2).int().argmax(1)
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    return (over_texts + F.cross_entropy(scale * text_features @ all_images.T, labels)) / 2
