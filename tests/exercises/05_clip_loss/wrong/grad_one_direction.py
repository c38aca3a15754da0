# Over texts alone.
# fails: grad-loss, grad-images, grad-texts, grad-large
# says: the loss is that of one direction alone
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    loss = -np.log(rows.diagonal()).mean()
    g = (rows - np.eye(len(s))) / len(s)
    return loss, scale * g @ text_features, scale * g.T @ image_features
