# The lecture's sum over the pairs, not the mean.
# fails: grad-loss, grad-images, grad-texts, grad-large
# says: 4 times too large, for 4 pairs
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).sum()
    g = (rows + columns) / 2 - np.eye(len(s))
    return loss, scale * g @ text_features, scale * g.T @ image_features
