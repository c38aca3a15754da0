# Three channels, whatever came.
# fails: back-any
# says: RuntimeError: shape


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(-1, height // p, width // p, p, p, 3)
    if grid.shape[0] != patches.shape[0]:
        grid = grid.reshape(patches.shape[0], height // p, width // p, p, p, 3)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, height, width)
