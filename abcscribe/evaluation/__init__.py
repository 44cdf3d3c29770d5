"""Engines x clips -> rows, figures and a report.

``suites`` reads clips and their ground truth, ``systems`` loads systems by name, ``run`` makes one row for each clip
and system, ``statistics`` computes means, intervals and tests from rows, and ``report`` shows them.
"""
