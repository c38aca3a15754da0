# Only the first image of a batch comes back.
# fails: back-any
# says: returned (1, 3,


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches[0].reshape(height // p, width // p, p, p, -1)
    return grid.permute(4, 0, 2, 1, 3).reshape(1, -1, height, width)
