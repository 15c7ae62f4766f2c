"""What proves who somebody is: passwords, access and refresh tokens, and the keys that sign."""
