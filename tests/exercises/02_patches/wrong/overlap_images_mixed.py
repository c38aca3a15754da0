# The batch is joined with the grid before it is parted from it.
# fails: overlap-order
# says: one image has patches of another


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p = patch_size
    windows = images.unfold(2, p, stride).unfold(3, p, stride).permute(2, 3, 0, 1, 4, 5)
    return windows.reshape(len(images), -1, images.shape[1] * p * p)
