# The mean over right pairs: an image with four texts counts four times.
# fails: several-texts, several-images, several-large
# says: the loss is


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    return -(s.log_softmax(1)[right].mean() + s.log_softmax(0)[right].mean()) / 2
