# Probabilities alone, the target is not taken off.
# fails: grad-images, grad-texts, grad-large
# says: when measured
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = (rows + columns) / (2 * len(s))
    return loss, scale * g @ text_features, scale * g.T @ image_features
