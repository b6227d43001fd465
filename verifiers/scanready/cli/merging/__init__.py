"""Merge the results of many agents into one stored run: read each file, store its results, name what does not fit."""
