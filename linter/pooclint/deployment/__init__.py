"""What the deployment files of a project say: which programs run, how often, and what the database server allows."""
