# The batch is taken for one long image.
# fails: back-any
# says: (3 colour images)


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    b = len(patches)
    grid = patches.reshape(height // p, width // p, b, p, p, -1)
    return grid.permute(2, 5, 0, 3, 1, 4).reshape(b, -1, height, width)
