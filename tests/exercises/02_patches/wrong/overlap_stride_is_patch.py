# The stride is not used.
# fails: overlap-count, overlap-step, overlap-rest
# says: returned (


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    windows = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
