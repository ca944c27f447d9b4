"""`harness verify --serve`: a gate that answers over HTTP whether the deployment is fit to serve, for whoever deploys."""
