"""From the text that authors write (MyST Markdown notebooks) to the notebooks that readers open."""
