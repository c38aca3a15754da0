# Subtracts the largest score, then takes the logarithm of a probability that is 0.
# fails: grad-large
# says: scores that lie thousands apart
import numpy as np


def softmax(scores, axis):
    scores = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return scores / scores.sum(axis=axis, keepdims=True)


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    scores = scale * image_features @ text_features.T
    over_texts, over_images = softmax(scores, 1), softmax(scores, 0)
    count = len(image_features)
    loss = -np.log(np.diag(over_texts) * np.diag(over_images)).mean() / 2
    slopes = (over_texts + over_images - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features
