"""The commands of ``python -m mvlm``, a module each."""
