"""What goes on in the background, each as a job of the kit's runner."""
