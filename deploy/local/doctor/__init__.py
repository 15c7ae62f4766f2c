"""What is wrong with this machine, this installation, this data folder or the system that runs on it, and the way out."""
