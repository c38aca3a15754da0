"""What several questions of exercise 09 need."""

from mvlm.checks.core import Student

MARKER = -200  # stands in the ids for a picture
IGNORED = -100  # a label that has no loss


def draw_words(student: Student, count: int) -> list[int]:
    """So many ids of words."""
    return [student.integer(5, 90) for _ in range(count)]
