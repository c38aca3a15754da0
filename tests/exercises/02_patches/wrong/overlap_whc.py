# Inside a patch column by column.
# fails: overlap-order
# says: come in (c, w, h) order


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 5, 4).flatten(3).flatten(1, 2)
