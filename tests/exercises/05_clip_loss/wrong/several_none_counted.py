# No right answer counts as a loss of 0.
# fails: several-none
# says: has no right text


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        return -(s.log_softmax(1) * target).sum(1).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
