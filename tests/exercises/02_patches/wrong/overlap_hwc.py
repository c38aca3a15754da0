# Inside a patch in (h, w, c) order.
# fails: overlap-order
# says: in (h, w, c) order, wanted (c, h, w)


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    windows = images.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
