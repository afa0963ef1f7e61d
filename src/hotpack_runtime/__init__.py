"""Copied into the function: restores its packs before its handler is imported.

Standard library only, Python 3.10 and newer, and nothing that costs milliseconds to import: every
cold start pays for it.
"""
