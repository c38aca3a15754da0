# Each right text has target 1, so a row's targets sum to their number.
# fails: several-texts, several-images, several-large
# says: gives each right answer the whole mass


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        losses = -(s.log_softmax(1) * right).sum(1)
        return losses[right.any(1)].mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
