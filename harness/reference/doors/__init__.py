"""The doors, which are the service's endpoints: one file each, all in front of the same tools."""
