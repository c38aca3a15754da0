# F.unfold's own order of axes.
# fails: overlap-count, overlap-step, overlap-rows, overlap-rest
# says: returned (


import torch.nn.functional as F


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    return F.unfold(images, patch_size, stride=stride)
