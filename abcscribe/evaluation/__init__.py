"""Engines x clips -> rows, figures and a report.

``suites`` finds the clips and reads what is known of them, ``systems`` names what can be compared, ``run`` makes one
row for each clip and system, ``statistics`` draws conclusions from rows and ``report`` shows them.
"""
