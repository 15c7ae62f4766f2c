"""What becomes of an uploaded file: checked, decoded in a process of its own, and written anew in several sizes."""
