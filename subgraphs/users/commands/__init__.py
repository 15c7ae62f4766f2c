"""Commands of this service beside the common ones, for who operates it; one module each."""
