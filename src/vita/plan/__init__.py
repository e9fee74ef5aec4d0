"""What a run makes from what: inputs, systems, trainings, products and resources, all from the configuration."""
