"""Figures in the one style, figures that move, and a box to ask questions in."""
