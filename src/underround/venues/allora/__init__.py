"""Allora: inferences of networks of predictors, a signal and never a price that settles."""
