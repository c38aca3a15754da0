"""The instructor's grader: ``python -m mvlm grade 02_patches SUBMISSIONS/ --out GRADED/``.

Notebooks are read, never run. A student's functions are called in a sandbox; what they return is
compared outside it, by the same checks that the student's notebook runs.
"""
