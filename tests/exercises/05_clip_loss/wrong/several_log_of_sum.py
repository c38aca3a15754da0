# The log of the summed probability, not the sum of the logs.
# fails: several-texts, several-images, several-large
# says: summed probability


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        keep = right.any(1)
        s, right = s[keep], right[keep]
        return (s.logsumexp(1) - s.masked_fill(~right, float("-inf")).logsumexp(1)).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
