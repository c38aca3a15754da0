# What was passed comes back.
# fails: weight-tokens, weight-kept
# says: came back as it went in


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    return weight
