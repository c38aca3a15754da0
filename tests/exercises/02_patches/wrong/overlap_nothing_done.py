# What was passed comes back.
# fails: overlap-count, overlap-step, overlap-order, overlap-rest
# says: wanted (


# GRADED overlapping_patches
def overlapping_patches(images, patch_size, stride):
    return images
