# Subtracts the largest score of the whole matrix from every row.
# fails: grad-large
# says: scores that lie thousands apart
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    count = len(image_features)
    scores = scale * image_features @ text_features.T
    scores = scores - scores.max()
    over_texts = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    over_images = scores - np.log(np.exp(scores).sum(axis=0, keepdims=True))
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features
