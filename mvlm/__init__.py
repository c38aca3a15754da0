"""mvlm: the finished reference implementations behind *From Pixels to Prompts*."""
