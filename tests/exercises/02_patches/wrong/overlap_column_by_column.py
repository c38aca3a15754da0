# Windows are read column by column.
# fails: overlap-order
# says: patch n is not the n-th window


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 3, 2, 1, 4, 5).flatten(3).flatten(1, 2)
