# The loss alone.
# fails: grad-loss, grad-images, grad-texts, grad-large
# says: wanted 3: the loss and two gradients
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    s = s - s.max()
    return (np.log(np.exp(s).sum(0)) + np.log(np.exp(s).sum(1))).mean() / 2 - s.diagonal().mean()
