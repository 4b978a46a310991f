"""The arithmetic of a deployment: how many connections all pools may open, and how many the server takes."""
