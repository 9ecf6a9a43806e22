"""One depth estimator per file: `load(**options) -> DepthEstimator`."""
