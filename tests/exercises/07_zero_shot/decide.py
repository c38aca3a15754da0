"""Right and wrong answers to decide."""

import torch
import torch.nn.functional as F

from bank import mistake, right


def cosines(images, classifier):
    return F.normalize(images, dim=1) @ F.normalize(classifier, dim=0)


def master_of(table, threshold):
    best = table.max(dim=1)
    return torch.where(best.values >= threshold, best.indices, -1)


@right("As the solutions write it.")
def master(images, classifier, threshold):
    best = cosines(images, classifier).max(dim=1)
    return torch.where(best.values >= threshold, best.indices, -1)


@right("cosine_similarity of every pair; a mask.")
def by_pairs(images, classifier, threshold):
    table = F.cosine_similarity(images[:, None], classifier.T[None], dim=2)
    answers = table.argmax(dim=1)
    answers[table.amax(dim=1) < threshold] = -1
    return answers


@right("A picture at a time.")
def one_by_one(images, classifier, threshold):
    columns = F.normalize(classifier.T, dim=1)
    answers = []
    for image in images:
        scores = (columns @ F.normalize(image, dim=0)).tolist()
        best = max(scores)
        answers.append(scores.index(best) if best >= threshold else -1)
    return torch.tensor(answers, dtype=torch.int64)


@right("Divided by lengths afterwards.")
def divided(images, classifier, threshold):
    table = images @ classifier / images.norm(dim=1)[:, None] / classifier.norm(dim=0)
    place = table.argmax(1)
    reached = table.gather(1, place[:, None])[:, 0].ge(threshold)
    return place * reached - (~reached).long()


ALL = "dec-best, dec-lengths, dec-list, dec-edges"


@mistake(
    "The threshold on a softmax of the cosines.",
    fails="dec-best, dec-lengths, dec-list, dec-edges",
    says="compared with a softmax: it depends",
)
def on_softmax(images, classifier, threshold):
    best = cosines(images, classifier).softmax(1).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake(
    "The threshold on a softmax with the scale 100.",
    fails=ALL,
    says="no sharp softmax",
)
def on_sharp_softmax(images, classifier, threshold):
    best = (100 * cosines(images, classifier)).softmax(1).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake("Products, not cosines.", fails="dec-lengths, dec-list", says="are no cosines")
def products(images, classifier, threshold):
    best = (images @ classifier).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake(
    "The classes alone are normalised.",
    fails="dec-lengths, dec-list",
    says="pictures were not brought",
)
def classes_alone(images, classifier, threshold):
    best = (images @ F.normalize(classifier, dim=0)).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake(
    "The pictures alone are normalised.",
    fails="dec-lengths, dec-list",
    says="classes were not brought",
)
def pictures_alone(images, classifier, threshold):
    best = (F.normalize(images, dim=1) @ classifier).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake("The sign is lost.", fails=ALL, says="the sign was lost")
def absolute(images, classifier, threshold):
    best = cosines(images, classifier).abs().max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake("It always answers.", fails=ALL, says="'none' never comes")
def always(images, classifier, threshold):
    return cosines(images, classifier).argmax(1)


@mistake(
    "Cosines below 0 are none, whatever the threshold.",
    fails="dec-list",
    says="a threshold may be negative",
)
def only_positive(images, classifier, threshold):
    best = cosines(images, classifier).max(1)
    return torch.where((best.values >= threshold) & (best.values >= 0), best.indices, -1)


@mistake("Above, not at least.", fails="dec-edges", says="'at least' counts it in")
def above(images, classifier, threshold):
    best = cosines(images, classifier).max(1)
    return torch.where(best.values > threshold, best.indices, -1)


@mistake("The last of equal classes.", fails="dec-edges", says="the last of several equal")
def last_of_equal(images, classifier, threshold):
    table = cosines(images, classifier).flip(1)
    best = table.max(1)
    return torch.where(best.values >= threshold, table.shape[1] - 1 - best.indices, -1)


@mistake("None is C.", fails=ALL, says="not the number of classes")
def none_is_c(images, classifier, threshold):
    best = cosines(images, classifier).max(1)
    return torch.where(best.values >= threshold, best.indices, classifier.shape[1])


@mistake("A list comes back.", fails=ALL, says="returned a list")
def as_list(images, classifier, threshold):
    return master(images, classifier, threshold).tolist()


@mistake("The answers are floats.", fails=ALL, says="wanted whole ones")
def floats(images, classifier, threshold):
    return master(images, classifier, threshold).float()


@mistake("The answers are int32.", fails="dec-edges", says="wanted torch.int64")
def small_ints(images, classifier, threshold):
    return master(images, classifier, threshold).int()


@mistake(
    "Answers are squeezed: one picture gives a single number.",
    fails="dec-edges",
    says="wanted (1,)",
)
def squeezed(images, classifier, threshold):
    return master(images, classifier, threshold).squeeze()


@mistake("No pictures are not thought of.", fails="dec-edges", says="IndexError")
def needs_one(images, classifier, threshold):
    images[0]
    return master(images, classifier, threshold)


@mistake(
    "The pictures are normalised in place.", fails="dec-edges", says="changed its first argument"
)
def in_place(images, classifier, threshold):
    images /= images.norm(dim=1, keepdim=True)
    return master(images, classifier, threshold)


@mistake("A classifier of float32 meets pictures of float64.", fails="dec-edges", says="float64")
def mixed_kinds(images, classifier, threshold):
    return master(images, classifier.float(), threshold)


@mistake("Cosines are rounded to thousandths.", fails="dec-edges", says="wanted 2")
def rounded(images, classifier, threshold):
    best = cosines(images, classifier).mul(1000).round().div(1000).max(1)
    return torch.where(best.values >= threshold, best.indices, -1)


@mistake("Through float32.", fails="dec-edges", says="wanted 2")
def single(images, classifier, threshold):
    return master(images.float(), classifier.float(), threshold)


@mistake("All of a batch or none.", fails=ALL, says="picture")
def together(images, classifier, threshold):
    best = cosines(images, classifier).max(1)
    reached = len(images) and best.values.mean() >= threshold
    return best.indices if reached else torch.full((len(images),), -1)


@mistake("The first class that reaches the threshold.", fails=ALL, says="wanted")
def first_that_reaches(images, classifier, threshold):
    reached = cosines(images, classifier) >= threshold
    return torch.where(reached.any(1), reached.int().argmax(1), -1)


@mistake("A threshold of 0 is taken for none.", fails="dec-edges", says="for Python 0 is False")
def threshold_or(images, classifier, threshold):
    return master(images, classifier, threshold or -1)


@mistake("A tolerance of a thousandth.", fails="dec-edges", says="there is no tolerance")
def tolerant(images, classifier, threshold):
    return master(images, classifier, threshold - 1e-3)


@mistake("An eps of a hundredth.", fails="dec-lengths", says="are no cosines")
def large_eps(images, classifier, threshold):
    small = F.normalize(images, dim=1, eps=1e-2)
    return master_of(small @ F.normalize(classifier, dim=0, eps=1e-2), threshold)


@mistake(
    "An eps of a hundredth, for the classes alone.", fails="dec-lengths", says="are no cosines"
)
def large_eps_of_classes(images, classifier, threshold):
    small = F.normalize(classifier, dim=0, eps=1e-2)
    return master_of(F.normalize(images, dim=1) @ small, threshold)


@mistake(
    "The classifier along the wrong axis.",
    fails=ALL,
    says="the ROWS of the classifier were brought to length 1",
)
def rows_of_classes(images, classifier, threshold):
    best, places = (F.normalize(images, dim=1) @ F.normalize(classifier, dim=1)).max(dim=1)
    return torch.where(best >= threshold, places, -1)
