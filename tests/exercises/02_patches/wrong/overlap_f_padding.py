# F.unfold with a border of padding.
# fails: overlap-count, overlap-step, overlap-rest
# says: the first patch of a row holds other pixels
import torch
import torch.nn.functional as F


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    return F.unfold(images, patch_size, stride=stride, padding=1).mT
