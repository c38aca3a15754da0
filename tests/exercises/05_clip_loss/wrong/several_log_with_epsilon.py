# A small number inside the logarithm.
# fails: several-large
# says: scores in the hundreds


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        losses = -((s.softmax(1) + 1e-9).log() * target).sum(1)
        return losses[right.any(1)].mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
