# The scale is multiplied into the images that were passed.
# fails: grad-large
# says: its first argument: after the call it is not what was passed
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    image_features *= scale
    scores = image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, slopes.T @ image_features
