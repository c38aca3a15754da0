# The targets of the images, transposed, serve the texts.
# fails: several-texts, several-images, several-large
# says: those over texts, turned over


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    target = right / right.sum(1, keepdim=True).clamp(min=1)
    texts = -(s.log_softmax(1) * target).sum(1)[right.any(1)].mean()
    images = -(s.log_softmax(0) * target).sum(0)[right.any(0)].mean()
    return (texts + images) / 2
