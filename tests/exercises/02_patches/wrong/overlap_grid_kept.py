# The grid is not joined into N.
# fails: overlap-count
# says: overlapping_patches returned (2,


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3)
