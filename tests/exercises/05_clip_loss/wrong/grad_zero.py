# The loss is right, the gradients are zeros.
# fails: grad-images, grad-texts, grad-large
# says: when measured
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    s = s - s.max()
    loss = (np.log(np.exp(s).sum(0)) + np.log(np.exp(s).sum(1))).mean() / 2 - s.diagonal().mean()
    return loss, np.zeros_like(image_features), np.zeros_like(text_features)
