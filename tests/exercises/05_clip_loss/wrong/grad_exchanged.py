# The two gradients in the other order.
# fails: grad-images, grad-texts, grad-large
# says: first images, then texts
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(s))) / len(s)
    return loss, scale * g.T @ image_features, scale * g @ text_features
