"""E-mails to the owners of accounts: what they say, how they are sent, and when."""
