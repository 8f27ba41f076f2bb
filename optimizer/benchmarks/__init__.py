"""Instances to measure the optimizer on."""
