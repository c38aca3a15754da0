"""The training loop that chapters teach, and the recipes of the finished models."""
