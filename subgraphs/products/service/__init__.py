"""Use cases, a class a noun. Each change is one conditional write of one document, so there is nothing to roll back."""
