# F.unfold reshaped, not transposed.
# fails: overlap-order
# says: a patch holds numbers of several windows
import torch
import torch.nn.functional as F


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    columns = F.unfold(images, patch_size, stride=stride)
    return columns.reshape(columns.shape[0], columns.shape[2], columns.shape[1])
