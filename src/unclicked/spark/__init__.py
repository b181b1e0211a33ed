"""Preparing on Apache Spark: the same data set, byte for byte, from a log on many machines."""
