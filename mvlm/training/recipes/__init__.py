"""How the finished weights were made: what each model reads, in which order, and what it learns."""
