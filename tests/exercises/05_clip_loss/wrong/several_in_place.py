# Leaves marks in the mask that was passed.
# fails: several-large
# says: its third argument: after the call it is not what was passed
import torch


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    scores = scale * image_features @ text_features.T

    def way(scores, mask):
        keep = mask.any(1)
        share = mask[keep] / mask[keep].sum(1, keepdim=True)
        return -(share * scores.log_softmax(1)[keep]).sum(1).mean()

    loss = (way(scores, right) + way(scores.T, right.T)) / 2
    right.logical_not_()
    return loss
