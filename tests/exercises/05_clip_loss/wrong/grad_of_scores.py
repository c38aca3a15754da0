# The slopes of the scores, not of the features.
# fails: grad-images, grad-texts, grad-large
# says: a slope for each feature
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    return loss, (rows - np.eye(len(s))) / len(s), (columns - np.eye(len(s))) / len(s)
