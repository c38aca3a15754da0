"""What the course's own small models do otherwise than the originals they follow."""
