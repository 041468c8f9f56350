"""The synthetic world: items whose opinion distributions are known exactly."""
