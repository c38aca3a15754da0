# Nothing is returned.
# fails: pad-shape, pad-picture, pad-mask-kind, pad-mask
# says: returned None: is there a return at its end?


# GRADED pad_to_grid
def pad_to_grid(images, patch_size):
    images = [image[:, :1] for image in images]
