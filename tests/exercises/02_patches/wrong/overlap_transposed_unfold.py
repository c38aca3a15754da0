# F.unfold's own order of axes.
# fails: overlap-count
# says: the last two axes are exchanged


import torch.nn.functional as F


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    return F.unfold(images, patch_size, stride=stride)
