# The scale takes no part.
# fails: several-one, several-texts, several-images, several-none, several-large
# says: the loss is


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        return -(s.log_softmax(1) * target).sum(1)[right.any(1)].mean()

    s = image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
