# The first image's patches for all.
# fails: overlap-order
# says: one image has patches of another


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    p = patch_size
    windows = images[:1].unfold(2, p, stride).unfold(3, p, stride).permute(0, 2, 3, 1, 4, 5)
    return windows.flatten(3).flatten(1, 2).repeat(len(images), 1, 1)
