"""Every contract between the services and with clients. What is generated says so and is checked for drift."""
